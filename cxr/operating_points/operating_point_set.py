"""The fitted operating points of one model: the file operating_points.json beside it.

A threshold belongs to one model, one calibration set and one label space. The file names all three, is sealed
(cxr.operating_points.sealed_file), and refuses to be used with anything else.

Two-sided triage of a patient: refer, read, or none.

The patient's score is the highest calibrated probability of any finding. It needs no further fitted
constant, so the order-statistic guarantee over the whole family of findings is exact, and a referral names
the finding that caused it.

- ``refer``: the score is above a threshold that healthy patients exceed at a limited rate;
- ``none``: the score is below a threshold that patients with a finding fall under at a limited rate, and
  no finding's own operating point fired;
- ``read``: everything else, which a person reads. Where a side has no certificate, its zone is read too.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import model_validator

from cxr.errors import OperatingPointError
from cxr.operating_points.calibration_data import patient_score
from cxr.operating_points.certificate import Certificate, OperatingPoint
from cxr.operating_points.sealed_file import ModelFile

__all__ = ["OperatingPointSet", "Triage"]

Triage = Literal["refer", "read", "none"]


class OperatingPointSet(ModelFile):
    """Certificates or refusals for every finding and for the patient.

    Attributes:
        findings: per finding, the rule ``probability > threshold`` of limited false-positive rate.
        rule_out: per finding, the rule ``probability < threshold`` of limited miss rate.
        patient_level: the referral: ``highest probability of any finding > threshold``, of limited
            false-positive rate among patients with no finding at all.
        patient_rule_out: ``highest probability < threshold``, of limited miss rate among patients with any finding.
    """

    CONTENT: ClassVar[str] = "operating points"
    FORMAT_VERSION: ClassVar[int] = 1

    format_version: Literal[1] = 1
    findings: dict[str, OperatingPoint]
    rule_out: dict[str, OperatingPoint]
    patient_level: OperatingPoint
    patient_rule_out: OperatingPoint

    @model_validator(mode="after")
    def _every_finding_has_its_points(self) -> Self:
        for name, points in (("findings", self.findings), ("rule_out", self.rule_out)):
            odd = sorted(set(points) ^ set(self.label_space))
            if odd:
                raise ValueError(f"{name} and label_space differ in {', '.join(odd)}")
        return self

    def point(self, name: str) -> Certificate | None:
        """The false-positive-limited certificate of a finding; ``None`` where it was refused.

        Raises:
            OperatingPointError: if the finding is not in the label space.
        """
        if name not in self.findings:
            raise OperatingPointError(f"no operating point for '{name}'; known are {', '.join(self.label_space)}")
        point = self.findings[name]
        return point if isinstance(point, Certificate) else None

    def threshold(self, name: str) -> float | None:
        """The certified threshold of a finding: positive if ``probability > threshold``.

        Returns:
            The threshold in [0, 1], or ``None`` where no certificate was issued: then nothing may be called positive.

        Raises:
            OperatingPointError: if the finding is not in the label space.
        """
        point = self.point(name)
        return None if point is None else point.threshold

    def probabilities(self, values: Mapping[str, float] | ArrayLike) -> NDArray[np.float64]:
        """One patient's probabilities in the order of the label space, checked.

        Raises:
            OperatingPointError: if a finding is missing or unknown, or a value is not in [0, 1].
        """
        if isinstance(values, Mapping):
            odd = sorted(set(values) ^ set(self.label_space))
            if odd:
                raise OperatingPointError(f"probabilities and the label space differ in {', '.join(odd)}")
            values = [values[name] for name in self.label_space]
        array = np.asarray(values, dtype=np.float64)
        if array.shape != (len(self.label_space),):
            raise OperatingPointError(f"{array.shape} probabilities for {len(self.label_space)} findings")
        if not ((array >= 0) & (array <= 1)).all():
            raise OperatingPointError("a probability is not a number in [0, 1]")
        return array

    def triage(self, probabilities: Mapping[str, float] | ArrayLike) -> Triage:
        """What to do with one patient: see the module.

        Args:
            probabilities: calibrated, by finding, or (C,) in the order of :attr:`label_space`.

        Raises:
            OperatingPointError: if they do not cover the label space or a value is not in [0, 1].
        """
        return self.triage_all(self.probabilities(probabilities)[None])[0]

    def triage_all(self, probabilities: NDArray[np.float64]) -> list[Triage]:
        """The same for (N, C) probabilities, in the order of :attr:`label_space`, that are known to be valid."""
        thresholds = [self.threshold(name) for name in self.label_space]
        fired = np.any(probabilities > np.array([np.inf if t is None else t for t in thresholds]), axis=1)
        return _triage_of(patient_score(probabilities), fired, self.patient_level, self.patient_rule_out)


def _triage_of(
    scores: NDArray[np.float64],
    finding_fired: NDArray[np.bool_],
    refer: OperatingPoint,
    rule_out: OperatingPoint,
) -> list[Triage]:
    """The decisions for N patients.

    Args:
        scores: (N,) from :func:`patient_score`.
        finding_fired: (N,) whether any finding is above its own certified threshold.
        refer: the patient-level point of limited false-positive rate.
        rule_out: the patient-level point of limited miss rate.
    """
    none = np.full(len(scores), False)
    referred = scores > refer.threshold if isinstance(refer, Certificate) else none
    cleared = (scores < rule_out.threshold) & ~finding_fired if isinstance(rule_out, Certificate) else none
    return ["refer" if up else "none" if down else "read" for up, down in zip(referred, cleared, strict=True)]
