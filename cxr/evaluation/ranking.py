"""AUC, average precision and sensitivity at a false-positive rate, for many weightings of the images at once.

Scores are sorted once. Every figure is then a sum over the positives of what the cumulated weights of the
negatives say about their rank, so that a resample costs one cumulative sum. Ties count one half in the AUC
(Mann and Whitney) and stay together elsewhere.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr.errors import CxrError

__all__ = ["RankedScores", "RankingMetrics", "roc_auc"]

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RankingMetrics:
    """One value per weighting, (R,); NaN where a weighting has no positives or no negatives."""

    auc: _Floats
    average_precision: _Floats
    sensitivity: _Floats


class RankedScores:
    """The scores of one label, sorted by class.

    Args:
        labels: (N,) 1, 0, or NaN for images that are left out.
        scores: (N,) finite, higher means more likely positive.

    Raises:
        CxrError: if a label is not 1, 0 or NaN, or the score of a labeled image is not finite.
    """

    def __init__(self, labels: ArrayLike, scores: ArrayLike) -> None:
        y, s = np.asarray(labels, dtype=np.float64), np.asarray(scores, dtype=np.float64)
        known = ~np.isnan(y)
        if not np.isin(y[known], (0, 1)).all():
            raise CxrError("labels must be 1, 0 or NaN (unknown); set uncertain ones to NaN first")
        if not np.isfinite(s[known]).all():
            raise CxrError("scores hold a number that is not finite")
        order = np.argsort(s, kind="stable")
        self.negative_images: NDArray[np.intp] = order[y[order] == 0]
        self.positive_images: NDArray[np.intp] = order[y[order] == 1]
        self.negatives: _Floats = s[self.negative_images]
        self.positives: _Floats = s[self.positive_images]
        self._below = np.searchsorted(self.negatives, self.positives, side="left")
        self._not_above = np.searchsorted(self.negatives, self.positives, side="right")
        self._first_of_tie = np.searchsorted(self.positives, self.positives, side="left")
        self._caught_above = np.searchsorted(self.positives, self.negatives, side="right")

    def metrics(self, weights: NDArray[np.floating], max_fpr: float) -> RankingMetrics:
        """All three figures for R weightings.

        Args:
            weights: (R, N) weight of each image, not negative.
            max_fpr: false-positive rate, in [0, 1), at which sensitivity is read from the ROC curve.
        """
        negative = _cumulated(weights[:, self.negative_images])
        positive_weights = weights[:, self.positive_images].astype(np.float64)
        positive = _cumulated(positive_weights)
        n_negative, n_positive = negative[:, -1:], positive[:, -1:]
        with np.errstate(invalid="ignore", divide="ignore"):  # a weighting without a class gives NaN
            below = negative[:, self._below]
            ranks = (below + negative[:, self._not_above]) / 2
            auc = (positive_weights * ranks).sum(axis=1) / (n_positive * n_negative)[:, 0]

            found = n_positive - positive[:, self._first_of_tie]
            precision = np.where(positive_weights > 0, found / (found + n_negative - below), 0.0)
            average = (positive_weights * precision).sum(axis=1) / n_positive[:, 0]
            average[n_negative[:, 0] == 0] = np.nan

            # The threshold is the lowest negative score above which at most max_fpr of the negatives lie.
            allowed = (1 - max_fpr) * n_negative * (1 - 1e-12)
            position = (negative < allowed).sum(axis=1) - 1
            caught = np.concatenate([self._caught_above, [0]])[position]
            above = n_positive[:, 0] - positive[np.arange(len(weights)), caught]
            sensitivity = np.where(n_negative[:, 0] > 0, above / n_positive[:, 0], np.nan)
        return RankingMetrics(auc, average, sensitivity)


def _cumulated(weights: NDArray[np.floating]) -> _Floats:
    """(R, M) weights to (R, M + 1) cumulative sums that begin with 0."""
    sums = np.zeros((weights.shape[0], weights.shape[1] + 1))
    np.cumsum(weights, axis=1, dtype=np.float64, out=sums[:, 1:])
    return sums


def roc_auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve; NaN without positives or negatives. Arguments as in :class:`RankedScores`."""
    return float(RankedScores(labels, scores).metrics(np.ones((1, np.size(scores))), 0.0).auc[0])
