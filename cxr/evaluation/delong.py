"""Is one AUC higher than another on the same images? DeLong's test, with patients as clusters.

DeLong, DeLong and Clarke-Pearson 1988 write each AUC as a mean of placements: of every positive among the
negatives, and of every negative among the positives. Obuchowski 1997 sums placements by patient before
taking their covariance, which is DeLong's when every patient has one image.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from cxr.errors import CxrError

__all__ = ["AucComparison", "compare_aucs"]

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AucComparison:
    """Two AUCs on the same images.

    Attributes:
        auc_a: of the first scores.
        auc_b: of the second.
        difference: ``auc_b - auc_a``.
        low: lower end of its 95 % interval.
        high: upper end.
        p_value: two-sided, of no difference; 1 where the two rank every image alike.
    """

    auc_a: float
    auc_b: float
    difference: float
    low: float
    high: float
    p_value: float


def _below(scores: _Floats, others: _Floats) -> _Floats:
    """Share of the others below each score; ties count one half."""
    ordered = np.sort(others)
    ranks = np.searchsorted(ordered, scores, side="left") + np.searchsorted(ordered, scores, side="right")
    return ranks / (2 * len(others))


def _placements(positives: _Floats, negatives: _Floats) -> tuple[_Floats, _Floats]:
    """Share of negatives below each positive, and of positives above each negative."""
    return _below(positives, negatives), 1 - _below(negatives, positives)


def _unbiased(clusters: int) -> float:
    return clusters / (clusters - 1)


def compare_aucs(labels: ArrayLike, scores_a: ArrayLike, scores_b: ArrayLike, patients: Sequence[str]) -> AucComparison:
    """Compare two models on the same images.

    Args:
        labels: (N,) 1, 0, or NaN for images that are left out.
        scores_a: (N,) of the first model.
        scores_b: (N,) of the second.
        patients: (N,) patient of each image.

    Raises:
        CxrError: if the known labels hold no positives or no negatives, or fewer than two patients of either.
    """
    y = np.asarray(labels, dtype=np.float64)
    scores = [np.asarray(s, dtype=np.float64) for s in (scores_a, scores_b)]
    if not (y.shape == scores[0].shape == scores[1].shape == (len(patients),)):
        raise CxrError("labels, both scores and patients must have one entry per image")
    who, positive, negative = np.asarray(patients), y == 1, y == 0
    clusters = np.unique(who[positive | negative], return_inverse=True)[1]
    code = np.zeros(len(y), dtype=np.int64)
    code[positive | negative] = clusters
    counts = [len(np.unique(code[mask])) for mask in (positive, negative)]
    if min(counts) < 2:
        raise CxrError(f"comparing AUCs needs two patients with and two without; got {counts[0]} and {counts[1]}")

    n_patients = int(clusters.max()) + 1
    aucs, positive_sums, negative_sums = [], [], []
    for s in scores:
        of_positives, of_negatives = _placements(s[positive], s[negative])
        auc = float(of_positives.mean())
        aucs.append(auc)
        positive_sums.append(np.bincount(code[positive], of_positives - auc, n_patients) / positive.sum())
        negative_sums.append(np.bincount(code[negative], of_negatives - auc, n_patients) / negative.sum())
    p, q = positive_sums[1] - positive_sums[0], negative_sums[1] - negative_sums[0]
    # Obuchowski 1997, section 3: one term per class and one for patients who have images of both.
    variance = _unbiased(counts[0]) * (p @ p) + _unbiased(counts[1]) * (q @ q) + 2 * _unbiased(n_patients) * (p @ q)
    error = float(np.sqrt(max(variance, 0.0)))
    difference = aucs[1] - aucs[0]
    half = float(ndtri(0.975)) * error
    p_value = 2 * float(ndtr(-abs(difference) / error)) if error > 0 else float(difference == 0)
    return AucComparison(aucs[0], aucs[1], difference, difference - half, difference + half, p_value)
