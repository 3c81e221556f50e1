"""Which operating point the page works at, and what it does to patients: no user interface, no files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import expit, logit

from cxr.operating_points import ANY_FINDING, Certificate, OperatingPointSet, Proportion, ScoreReference, Triage
from cxr.operating_points.certificate import OperatingPoint

__all__ = ["Effect", "Mode", "OperatingChoice", "Policy"]

Mode = Literal["certified", "sensitive", "custom"]


@dataclass(frozen=True)
class OperatingChoice:
    """What the reader chose.

    Attributes:
        mode: ``certified``: false alarms are limited. ``sensitive``: misses are limited, whatever the rule-out
            certificates do not clear is flagged. ``custom``: certified thresholds, shifted, without a promise.
        shift: of every threshold in logit units, for ``custom``; positive is stricter.
    """

    mode: Mode = "certified"
    shift: float = 0.0


@dataclass(frozen=True)
class Effect:
    """What one threshold does.

    Attributes:
        name: the finding, or :data:`~cxr.operating_points.ANY_FINDING`.
        threshold: flagged above it; ``None`` where there is none.
        point: the certificate or refusal behind it; ``None`` for a custom threshold.
        sensitivity: share of those with the finding that are flagged, in [0, 1]; ``None`` if not known.
        low: 95 % interval of the sensitivity.
        high: 95 % interval of the sensitivity.
        false_positive_rate: expected share of those without it that are flagged; ``None`` if not known.
    """

    name: str
    threshold: float | None
    point: OperatingPoint | None
    sensitivity: float | None = None
    low: float | None = None
    high: float | None = None
    false_positive_rate: float | None = None

    @property
    def certified(self) -> bool:
        """Whether a promise goes with the threshold."""
        return isinstance(self.point, Certificate)


class Policy:
    """Thresholds of a choice, applied.

    Args:
        points: the bundle's certificates.
        reference: scores of the calibration set, or ``None``.
        choice: what the reader chose.
    """

    def __init__(self, points: OperatingPointSet, reference: ScoreReference | None, choice: OperatingChoice) -> None:
        self.choice = choice
        self._points = points
        self._reference = reference
        self.effects = {name: self._effect(name) for name in (*points.label_space, ANY_FINDING)}

    def flagged(self, probabilities: Mapping[str, float]) -> tuple[str, ...]:
        """Findings above their thresholds, the most probable first."""
        above = [
            name
            for name, p in probabilities.items()
            if name in self.effects and (t := self.effects[name].threshold) is not None and p > t
        ]
        return tuple(sorted(above, key=lambda name: -probabilities[name]))

    def triage(self, probabilities: Mapping[str, float]) -> Triage:
        """The triage of one patient; for ``certified`` what screening itself decided."""
        highest = max(probabilities.values())
        refer = self.effects[ANY_FINDING].threshold
        if refer is not None and highest > refer:
            return "refer"
        cleared = self._points.patient_rule_out
        if isinstance(cleared, Certificate) and highest < cleared.threshold and not self.flagged(probabilities):
            return "none"
        return "read"

    def _effect(self, name: str) -> Effect:
        points = self._points
        alarm = points.patient_level if name == ANY_FINDING else points.findings[name]
        rule_out = points.patient_rule_out if name == ANY_FINDING else points.rule_out[name]
        if self.choice.mode == "sensitive":
            return _miss_limited(name, rule_out)
        if self.choice.mode == "certified":
            return _alarm_limited(name, alarm)
        return self._custom(name, alarm)

    def _custom(self, name: str, alarm: OperatingPoint) -> Effect:
        if not isinstance(alarm, Certificate):
            return Effect(name, None, None)
        threshold = float(expit(logit(np.clip(alarm.threshold, 1e-6, 1 - 1e-6)) + self.choice.shift))
        if self._reference is None:
            return Effect(name, threshold, None)
        known = self._reference.any_finding if name == ANY_FINDING else self._reference.findings.get(name)
        caught = known.sensitivity(threshold) if known else None
        alarms = known.false_positive_rate(threshold) if known else None
        return Effect(name, threshold, None, *_parts(caught), alarms.rate if alarms else None)


def _alarm_limited(name: str, point: OperatingPoint) -> Effect:
    if not isinstance(point, Certificate):
        return Effect(name, None, point)
    # The expected rate above the k-th smallest of n exchangeable scores.
    expected = (point.n + 1 - point.k) / (point.n + 1)
    return Effect(name, point.threshold, point, *_parts(point.sensitivity), expected)


def _miss_limited(name: str, point: OperatingPoint) -> Effect:
    if not isinstance(point, Certificate):
        return Effect(name, None, point)
    missed = point.k / (point.n + 1)
    alarms = 1 - point.specificity.rate if point.specificity else None
    return Effect(name, point.threshold, point, 1 - missed, 1 - point.limit, 1.0, alarms)


def _parts(rate: Proportion | None) -> tuple[float | None, float | None, float | None]:
    return (rate.rate, rate.low, rate.high) if rate else (None, None, None)
