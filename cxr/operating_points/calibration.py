"""Logits to calibrated probabilities, per finding; a strictly increasing map, so that no ranking changes.

Three published maps, written in logit units so that one formula applies them all:

- temperature (Guo 2017): ``slope * z``;
- Platt (Platt 1999): ``slope * z + intercept``;
- isotonic (Zadrozny and Elkan 2002), centred (Oron and Flournoy 2017): linear between the centres of the
  pooled blocks, continued beyond the outermost centres with the Platt slope. Plain isotonic steps would
  tie scores, and tied scores cannot be told apart by a threshold.

Applying needs numpy and scipy alone; fitting is in :mod:`cxr.operating_points.calibration_fit`.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import scipy  # its parts are imported when they are first used
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cxr.errors import OperatingPointError
from nlp_labeler.faults import faults

__all__ = ["Calibrator", "FindingCalibration", "Method", "shift_prevalence"]

Method = Literal["identity", "temperature", "platt", "isotonic"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Knot(_Strict):
    """One point of a piecewise linear map: the network's logit and the calibrated one."""

    raw: float
    calibrated: float


class FindingCalibration(_Strict):
    """The map of one finding.

    Attributes:
        name: the finding.
        method: which map; ``identity`` where the calibration split holds only one class.
        slope: positive; of the line, or beyond the knots.
        intercept: of the line; unused where there are knots.
        knots: the isotonic map, both coordinates strictly increasing; empty otherwise.
        prevalence: share of positive images in the calibration split.
        log_loss: patient-wise cross-validated log loss of each candidate method, in nats.
    """

    name: str
    method: Method
    slope: Annotated[float, Field(gt=0)] = 1.0
    intercept: float = 0.0
    knots: tuple[Knot, ...] = ()
    prevalence: Annotated[float, Field(ge=0, le=1)]
    log_loss: dict[Method, float] = {}

    @model_validator(mode="after")
    def _map_increases(self) -> Self:
        if (self.method == "isotonic") != (len(self.knots) >= 2):
            raise ValueError(f"{self.name}: method {self.method} with {len(self.knots)} knots")
        for before, after in zip(self.knots, self.knots[1:], strict=False):
            if after.raw <= before.raw or after.calibrated <= before.calibrated:
                raise ValueError(f"{self.name}: the knots must increase strictly")
        return self

    def transform(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated logits, the shape of ``logits``."""
        if not self.knots:
            return self.slope * logits + self.intercept
        raw = np.array([knot.raw for knot in self.knots])
        calibrated = np.array([knot.calibrated for knot in self.knots])
        inside = np.clip(logits, raw[0], raw[-1])
        return np.interp(inside, raw, calibrated) + self.slope * (logits - inside)

    def shifted(self, offset: float) -> Self:
        """The same map with ``offset`` added to every calibrated logit."""
        knots = tuple(Knot(raw=k.raw, calibrated=k.calibrated + offset) for k in self.knots)
        return self.model_copy(update={"intercept": self.intercept + offset, "knots": knots})


def shift_prevalence(probabilities: ArrayLike, fitted: float, stated: float) -> NDArray[np.float64]:
    """Probabilities at another prevalence (Saerens 2002, equation 2.4): the odds scale with the prior odds.

    Holds where only the frequency of the finding differs, not how it looks.

    Args:
        probabilities: any shape, [0, 1], calibrated at the prevalence ``fitted``.
        fitted: prevalence of the calibration data, in (0, 1).
        stated: prevalence to shift to, in (0, 1).

    Raises:
        OperatingPointError: if a prevalence is outside (0, 1).
    """
    return scipy.special.expit(
        scipy.special.logit(np.asarray(probabilities, dtype=np.float64)) + _prior_shift(fitted, stated)
    )


def _prior_shift(fitted: float, stated: float) -> float:
    for name, value in (("fitted", fitted), ("stated", stated)):
        if not 0 < value < 1:
            raise OperatingPointError(f"{name} prevalence is {value}; it must lie strictly between 0 and 1")
    return float(scipy.special.logit(stated) - scipy.special.logit(fitted))


class Calibrator(_Strict):
    """Calibration of a whole label space: the file calibration.json of a bundle.

    Attributes:
        format_version: version of this file; another one is refused.
        findings: one map per finding, in the order of the network's outputs.
    """

    format_version: Literal[1] = 1
    findings: Annotated[tuple[FindingCalibration, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        if len(set(self.label_space)) != len(self.findings):
            raise ValueError("a finding is listed twice")
        return self

    @property
    def label_space(self) -> tuple[str, ...]:
        """The findings, in the order of the network's outputs."""
        return tuple(finding.name for finding in self.findings)

    def apply(self, logits: ArrayLike) -> NDArray[np.float64]:
        """Calibrated probabilities.

        Args:
            logits: (N, C) or (C,), in the order of :attr:`label_space`.

        Returns:
            The same shape, in [0, 1].

        Raises:
            OperatingPointError: if the last axis is not the label space, or a logit is not a number.
        """
        array = np.asarray(logits, dtype=np.float64)
        if array.ndim not in (1, 2) or array.shape[-1] != len(self.findings):
            raise OperatingPointError(
                f"logits have shape {array.shape}; the calibration covers {len(self.findings)} findings: "
                + ", ".join(self.label_space)
            )
        if np.isnan(array).any():
            raise OperatingPointError("logits hold a NaN; the model's output cannot be calibrated")
        columns = [finding.transform(array[..., c]) for c, finding in enumerate(self.findings)]
        # exp(-log(1 + exp(-z))), exact in both tails. scipy's costs the clinic half of its start.
        return np.exp(-np.logaddexp(0, -np.stack(columns, axis=-1)))

    def at_prevalence(self, stated: dict[str, float]) -> "Calibrator":
        """The calibration for a population with other prevalences, see :func:`shift_prevalence`.

        Args:
            stated: finding -> prevalence in (0, 1); findings that are not named keep theirs.

        Raises:
            OperatingPointError: if a finding is unknown or a prevalence outside (0, 1).
        """
        unknown = sorted(set(stated) - set(self.label_space))
        if unknown:
            raise OperatingPointError(f"no calibration for '{unknown[0]}'; known are {', '.join(self.label_space)}")
        shifted = tuple(
            f.shifted(_prior_shift(f.prevalence, stated[f.name])) if f.name in stated else f for f in self.findings
        )
        return Calibrator(findings=shifted)

    def to_json(self) -> str:
        """The content of a calibration.json."""
        return self.model_dump_json(indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Calibrator":
        """Read what :meth:`to_json` wrote.

        Raises:
            OperatingPointError: if the text is not a valid calibration of this version.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise OperatingPointError(f"the calibration is invalid at {faults(error)}; fit it again") from error

    @classmethod
    def load(cls, path: Path) -> "Calibrator":
        """Read a calibration.json.

        Raises:
            OperatingPointError: if it is missing or invalid.
        """
        if not path.is_file():
            raise OperatingPointError(f"no calibration at {path}")
        return cls.from_json(path.read_text(encoding="utf-8"))
