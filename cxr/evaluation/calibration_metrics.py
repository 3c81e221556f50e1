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
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
    member = np.searchsorted(edges, p, side="right")
    used, member = np.unique(member, return_inverse=True)
    one_hot = (member[:, None] == np.arange(len(used))).astype(np.float32)
    squared = ((p - y) ** 2)[:, None].astype(np.float32)
    columns = np.hstack([one_hot, one_hot * p[:, None], one_hot * y[:, None], squared]).astype(np.float32)

    def statistic(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        sums = (weights @ columns).astype(np.float64)
        total, predicted, positive = (sums[:, i * len(used) : (i + 1) * len(used)] for i in range(3))
        n = total.sum(axis=1)
        brier = np.divide(sums[:, -1], n, out=np.full_like(n, np.nan), where=n > 0)
        gap = np.abs(predicted - positive).sum(axis=1)
        ece = np.divide(gap, n, out=np.full_like(n, np.nan), where=n > 0)
        observed = np.divide(positive, total, out=np.full_like(total, np.nan), where=total > 0)
        return np.column_stack([brier, ece, observed])

    brier, ece, *observed = estimates(bootstrap(statistic, np.asarray(patients)[known], resamples, seed))
    reliability = tuple(
        ReliabilityBin(int((member == b).sum()), float(p[member == b].mean()), observed[b]) for b in range(len(used))
    )
    return CalibrationReport(brier, ece, reliability)
