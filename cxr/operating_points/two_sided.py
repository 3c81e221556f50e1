"""Two-sided certificates: what may be referred, and which named findings may be called below their threshold.

A target is one finding, or several under one name (``acute: Effusion, Pneumothorax``) of which any counts. Each target
has two rules, at several levels: ``refer`` where its score is above a threshold that patients without it exceed at a
limited rate, ``below`` where its score is under a threshold that patients with it fall under at a limited rate. What is
below is ruled out by name, with its predictive value at declared prevalences; nothing is ever called normal.

All promises of one rule at one level hold together with confidence ``1 - delta``: over targets, and over views where
these are told apart (:func:`cxr.operating_points.risk_control.family_level`). The levels are a table; a clinic names
the one it uses before it sees the table, for who chooses by what the rows show is as sure as all rows are together:
they fail with at most the number of levels times delta.

The score of several findings is the probability that any is there were they independent, ``1 - prod(1 - p)``. It needs
no fitted constant, so that the promise stays exact.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from cxr.operating_points.certificate import Certificate, OperatingPoint, Proportion
from cxr.operating_points.sealed_file import ModelFile

__all__ = [
    "VIEWS",
    "LevelPoint",
    "PredictiveValue",
    "Rule",
    "TwoSidedCertificates",
    "predictive_values",
    "target_score",
]

Rule = Literal["refer", "below"]
VIEWS: tuple[str, ...] = ("AP", "PA")
"""The frontal views that certificates may tell apart."""

_Unit = Annotated[float, Field(ge=0, le=1)]
_Level = Annotated[float, Field(gt=0, lt=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PredictiveValue(_Strict):
    """What a decision is worth where so many patients have the target.

    Attributes:
        prevalence: share of patients with the target.
        at_least: negative (``below``) or positive (``refer``) predictive value, from the promised error rate and the
            lower end of the 95 % interval of the other one.
    """

    prevalence: _Level
    at_least: _Unit


class LevelPoint(_Strict):
    """One rule of one target at one level.

    Attributes:
        target: its name.
        rule: ``refer`` or ``below``.
        view: of the films it holds for; ``None`` where views are not told apart.
        point: the certificate, or why there is none.
        decided: share of the calibration patients, one film each, whom the rule decides; ``None`` if refused.
        predictive_values: at the declared prevalences; empty if refused.
    """

    target: str
    rule: Rule
    view: str | None
    point: OperatingPoint
    decided: Proportion | None = None
    predictive_values: tuple[PredictiveValue, ...] = ()


def target_score(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Score of a target from its findings' calibrated probabilities: (..., F) in [0, 1] to (...)."""
    return np.asarray(
        probabilities[..., 0] if probabilities.shape[-1] == 1 else 1 - np.prod(1 - probabilities, axis=-1)
    )


def predictive_values(
    rule: Rule, limit: float, other: Proportion | None, prevalences: Sequence[float]
) -> tuple[PredictiveValue, ...]:
    """What a certified decision is worth at least; empty where nothing is known about the other class.

    Args:
        rule: which of the two.
        limit: promised error rate, in (0, 1).
        other: measured specificity of ``below``, or sensitivity of ``refer``.
        prevalences: each in (0, 1).
    """
    if other is None:
        return ()
    values = []
    for prevalence in prevalences:
        endangered = prevalence if rule == "below" else 1 - prevalence  # the share among whom the rule can err
        right, wrong = other.low * (1 - endangered), limit * endangered
        values.append(PredictiveValue(prevalence=prevalence, at_least=right / (right + wrong)))
    return tuple(values)


class TwoSidedCertificates(ModelFile):
    """The file two_sided.json, which a bundle may hold.

    Attributes:
        targets: name -> its findings.
        delta: probability with which any promise of one rule at one level may fail.
        limits: the levels, rising.
        refer_limit: the level of ``refer`` in use.
        miss_limit: the level of ``below`` in use.
        views: that are told apart; empty where one threshold holds for every film.
        points: one per target, rule, level and view.
    """

    CONTENT: ClassVar[str] = "two-sided certificates"
    FORMAT_VERSION: ClassVar[int] = 1

    format_version: Literal[1] = 1
    targets: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]
    delta: _Level
    limits: Annotated[tuple[_Level, ...], Field(min_length=1)]
    refer_limit: _Level
    miss_limit: _Level
    views: tuple[str, ...] = ()
    points: tuple[LevelPoint, ...]

    @model_validator(mode="after")
    def _is_a_full_table(self) -> Self:
        unknown = sorted({name for findings in self.targets.values() for name in findings} - set(self.label_space))
        if unknown:
            raise ValueError(f"a target names {', '.join(unknown)}; the label space is {', '.join(self.label_space)}")
        for name in ("refer_limit", "miss_limit"):
            if getattr(self, name) not in self.limits:
                raise ValueError(f"{name} {getattr(self, name):g} is none of the levels {self.limits}")
        found = [(p.target, p.rule, p.point.limit, p.view) for p in self.points]
        wanted = {
            (target, rule, limit, view)
            for target in self.targets
            for rule in ("refer", "below")
            for limit in self.limits
            for view in self.views or (None,)
        }
        if len(found) != len(wanted) or set(found) != wanted:
            raise ValueError(f"{len(found)} points where {len(wanted)} are due: one per target, rule, level and view")
        return self

    def in_use(self, target: str, rule: Rule, view: str | None) -> LevelPoint | None:
        """The certified point that holds for a film at the level in use; ``None`` without one.

        A film of unknown view is held to the most cautious threshold of all views, and to none if a view has none.
        """
        limit = self.refer_limit if rule == "refer" else self.miss_limit
        points = [p for p in self.points if (p.target, p.rule, p.point.limit) == (target, rule, limit)]
        if view in self.views:
            points = [p for p in points if p.view == view]
        if not all(isinstance(p.point, Certificate) for p in points):
            return None
        cautious = max if rule == "refer" else min
        return cautious(points, key=lambda p: p.point.threshold)  # type: ignore[union-attr]  # all are certificates

    def decide(
        self, probabilities: Mapping[str, float], view: str | None, asserted: Collection[str] = ()
    ) -> tuple[LevelPoint, ...]:
        """The promises that decide one film, in the order of the targets.

        Args:
            probabilities: calibrated, by finding.
            view: ``"PA"`` or ``"AP"``; ``None`` where unknown.
            asserted: findings that the report asserts, with their ancestors: nothing that holds one is called below.
        """
        decided = []
        for target, findings in self.targets.items():
            score = float(target_score(np.array([probabilities[name] for name in findings], dtype=np.float64)))
            refer, below = (self.in_use(target, rule, view) for rule in ("refer", "below"))
            if refer is not None and isinstance(refer.point, Certificate) and score > refer.point.threshold:
                decided.append(refer)
            elif (
                below is not None
                and isinstance(below.point, Certificate)
                and score < below.point.threshold
                and not set(findings) & set(asserted)
            ):
                decided.append(below)
        return tuple(decided)
