"""Are the probabilities true? Brier score, expected calibration error and the reliability curve."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr.errors import CxrError
from cxr.evaluation.bootstrap import Estimate, bootstrap, estimates

__all__ = ["CalibrationReport", "ReliabilityBin", "evaluate_calibration"]


@dataclass(frozen=True)
class ReliabilityBin:
    """Images of similar predicted probability.

    Attributes:
        n: images.
        predicted: their mean probability.
        observed: share of positives among them.
    """

    n: int
    predicted: float
    observed: Estimate


@dataclass(frozen=True)
class CalibrationReport:
    """Calibration of one label.

    Attributes:
        brier: mean squared difference of probability and label (Brier 1950).
        ece: expected calibration error (Guo 2017): mean over bins of equal size of the distance between
            mean probability and share of positives. Noise in the bins inflates it, and its interval more so.
        reliability: the bins, from the lowest probability to the highest.
    """

    brier: Estimate
    ece: Estimate
    reliability: tuple[ReliabilityBin, ...]


def evaluate_calibration(
    labels: ArrayLike,
    probabilities: ArrayLike,
    patients: Sequence[str],
    bins: int = 10,
    resamples: int = 1000,
    seed: int = 0,
) -> CalibrationReport:
    """Calibration of one label with 95 % patient-cluster bootstrap intervals.

    Args:
        labels: (N,) 1, 0, or NaN for images that are left out.
        probabilities: (N,) in [0, 1].
        patients: (N,) patient of each image.
        bins: of as equal size as ties allow.
        resamples: patient resamples.
        seed: makes the intervals repeatable.

    Raises:
        CxrError: if no label is known, or a probability is outside [0, 1].
    """
    y_all, p_all = np.asarray(labels, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
    known = ~np.isnan(y_all)
    y, p = y_all[known], p_all[known]
    if not len(y):
        raise CxrError("no image has a known label; calibration cannot be evaluated")
    if not ((p >= 0) & (p <= 1)).all():
        raise CxrError("a probability is not a number in [0, 1]")
    order = np.argsort(p, kind="stable")
    y, p, who = y[order], p[order], np.asarray(patients)[known][order]
    edges = np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1])
    starts = np.unique(np.r_[0, np.searchsorted(p, edges, side="left")])  # equal probabilities share a bin

    def statistic(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        total = np.add.reduceat(weights, starts, axis=1, dtype=np.float64)
        predicted = np.add.reduceat(weights * p, starts, axis=1)
        positive = np.add.reduceat(weights * y, starts, axis=1)
        n = total.sum(axis=1)
        squared = (weights * (p - y) ** 2).sum(axis=1)
        gap = np.abs(predicted - positive).sum(axis=1)
        brier, ece = (np.divide(part, n, out=np.full_like(n, np.nan), where=n > 0) for part in (squared, gap))
        observed = np.divide(positive, total, out=np.full_like(total, np.nan), where=total > 0)
        return np.column_stack([brier, ece, observed])

    brier, ece, *observed = estimates(bootstrap(statistic, who, resamples, seed))
    sizes = np.diff(np.r_[starts, len(p)])
    means = np.add.reduceat(p, starts) / sizes
    reliability = tuple(
        ReliabilityBin(int(n), float(mean), share) for n, mean, share in zip(sizes, means, observed, strict=True)
    )
    return CalibrationReport(brier, ece, reliability)
