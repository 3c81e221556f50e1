"""What teachers say of films that they have not seen, joined with all else that is known of them.

A label mined from a report is often wrong. Whether it is true shows in more than the film: in what several networks
think that have never seen the film's patient, in the sizes of lungs and heart, in the labels of the same patient's
visits before and after, in another network's scores. All of that may be used to say what a student shall learn, also
what no student will ever see ("privileged information", Vapnik 2009, doi:10.1016/j.neunet.2009.06.042; Lopez-Paz 2016,
arXiv:1511.03643).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from cxr.datasets.splits import assign_splits

__all__ = ["blend", "ensemble_log_odds", "patient_folds"]

_RIDGE = 1.0
"""Inverse strength of the penalty on the weights of the experts, whose scores are standardised."""
_LIMIT = 4.0
"""Deviations from its mean at which an expert's score is taken: none decides alone."""
_RAREST = 0.01
"""Least share that a label is given which all films have, or none."""


def patient_folds(patients: Sequence[str], labels: NDArray[np.float32], folds: int) -> NDArray[np.int64]:
    """(N,) the fold of each film: no patient in two, rare labels in all."""
    shares = {str(fold): 1 / folds for fold in range(folds)}
    return np.asarray(assign_splits(patients, labels, shares, seed=0)).astype(np.int64)


def ensemble_log_odds(
    experts: Sequence[NDArray[np.float32]], labels: NDArray[np.float32], folds: NDArray[np.int64]
) -> NDArray[np.float32]:
    """The log odds of each label given all experts, by a logistic regression that has not seen the film's patient.

    Args:
        experts: of each an (N, C) array of scores that rise with the odds; NaN where it says nothing, which counts as
            its mean. None may have learned from the film itself.
        labels: (N, C) with 1 and 0; all else is left out of the fit.
        folds: (N,) as of patient_folds.

    Returns:
        (N, C).
    """
    log_odds = np.zeros(labels.shape, np.float32)
    for column in range(labels.shape[1]):
        scores = np.stack([expert[:, column] for expert in experts], axis=1)
        known = np.isin(labels[:, column], (0, 1))
        for fold in np.unique(folds):
            rows, other = known & (folds != fold), folds == fold
            log_odds[other, column] = _regression(scores[rows], labels[rows, column], scores[other])
    return log_odds


def _regression(
    scores: NDArray[np.float32], labels: NDArray[np.float32], asked: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Log odds of asked (M, E) scores, fitted on (N, E) scores and (N,) labels; without experts, of the share alone."""
    share = float(np.clip(labels.mean(), _RAREST, 1 - _RAREST)) if len(labels) else 0.5
    speaks = ~np.isnan(scores).all(axis=0)
    if not speaks.any() or len(np.unique(labels)) < 2:
        return np.full(len(asked), np.log(share / (1 - share)), np.float32)
    centre, spread = np.nanmean(scores[:, speaks], axis=0), np.nanstd(scores[:, speaks], axis=0)

    def standardized(of: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.nan_to_num(((of[:, speaks] - centre) / np.maximum(spread, 1e-6)).clip(-_LIMIT, _LIMIT))

    fitted = LogisticRegression(C=_RIDGE, max_iter=1000).fit(standardized(scores), labels)
    return np.asarray(fitted.decision_function(standardized(asked)), np.float32)


def blend(labels: NDArray[np.float32], log_odds: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Soft targets: labels mixed with their probabilities given all experts; the latter alone where there is no label.

    Args:
        labels: (N, C) with 1, 0, and all else for unknown.
        log_odds: (N, C) as of ensemble_log_odds.
        share: of the probability, in [0, 1]; the rest is of the label.

    Returns:
        (N, C) in [0, 1].
    """
    probability = expit(log_odds)
    known = np.isin(labels, (0, 1))
    mixed = share * probability + (1 - share) * labels
    return np.where(known, mixed, probability).astype(np.float32)
