"""Whether the scores here are those the model was calibrated on."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import ks_2samp

from cxr.operating_points import ScoreReference
from cxr.worklist.case import Case

__all__ = ["MIN_FOR_DRIFT", "Drift", "drifts"]

MIN_FOR_DRIFT = 30
"""Screened images below which scores are not compared."""

_DRIFT_LEVEL = 0.01


@dataclass(frozen=True)
class Drift:
    """One finding's scores here against the calibration set's.

    Attributes:
        name: the finding.
        distance: largest difference of the two distribution functions (Kolmogorov-Smirnov), in [0, 1].
        p_value: after Bonferroni's correction for the number of findings.
        drifted: whether they differ at the 1 % level.
    """

    name: str
    distance: float
    p_value: float
    drifted: bool


def drifts(screened: Sequence[Case], reference: ScoreReference) -> tuple[Drift, ...]:
    """The two-sample test per finding, the largest distance first."""
    found = []
    for name, scores in reference.findings.items():
        here = [case.probabilities[name] for case in screened]
        test = ks_2samp(here, scores.sample())
        p_value = min(1.0, float(test.pvalue) * len(reference.findings))
        found.append(Drift(name, float(test.statistic), p_value, p_value < _DRIFT_LEVEL))
    return tuple(sorted(found, key=lambda drift: -drift.distance))
