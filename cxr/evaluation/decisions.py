"""What flagged images mean: sensitivity, specificity and predictive values, also at stated prevalences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr.evaluation.bootstrap import Estimate, bootstrap, estimates
from cxr.evaluation.classification import check_predictions

__all__ = ["DecisionReport", "evaluate_decisions", "predictive_values"]


@dataclass(frozen=True)
class DecisionReport:
    """Figures of one yes/no decision; NaN where the images hold none of the class that is asked about.

    Attributes:
        n_positive: images with the finding.
        n_negative: images without it.
        flagged: share of all these images that are flagged.
        sensitivity: share of the positives that are flagged.
        specificity: share of the negatives that are not.
        ppv: share of the flagged that are positive, among these images.
        npv: share of the others that are negative, among these images.
        ppv_at: prevalence -> positive predictive value there, by Bayes' rule.
    """

    n_positive: int
    n_negative: int
    flagged: Estimate
    sensitivity: Estimate
    specificity: Estimate
    ppv: Estimate
    npv: Estimate
    ppv_at: Mapping[float, Estimate]


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)


def predictive_values(
    sensitivity: ArrayLike, specificity: ArrayLike, prevalence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positive and negative predictive value at a prevalence, by Bayes' rule.

    Args:
        sensitivity: any shape, [0, 1].
        specificity: the same shape.
        prevalence: in [0, 1].

    Returns:
        PPV and NPV of that shape; NaN where nobody is flagged, or everybody.
    """
    true_positive = np.asarray(sensitivity, dtype=np.float64) * prevalence
    true_negative = np.asarray(specificity, dtype=np.float64) * (1 - prevalence)
    ppv = _ratio(true_positive, true_positive + (1 - prevalence) - true_negative)
    npv = _ratio(true_negative, true_negative + prevalence - true_positive)
    return ppv, npv


def evaluate_decisions(
    labels: ArrayLike,
    flagged: ArrayLike,
    patients: Sequence[str],
    names: Sequence[str],
    prevalences: Sequence[float] = (),
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, DecisionReport]:
    """Figures of D decisions with 95 % patient-cluster bootstrap intervals.

    Args:
        labels: (N, D) 1, 0, or NaN for images that are left out.
        flagged: (N, D) 1 where the decision is yes, else 0.
        patients: (N,) patient of each image.
        names: D names.
        prevalences: at which to state the positive predictive value.
        resamples: patient resamples.
        seed: makes the intervals repeatable.

    Raises:
        CxrError: if shapes do not fit together.
    """
    y, f = check_predictions(labels, flagged, patients, names)
    positive, negative = (y == 1).astype(np.float64), (y == 0).astype(np.float64)

    def statistic(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        w = weights.astype(np.float64)
        n_positive, n_negative = w @ positive, w @ negative
        hits, alarms = w @ (positive * f), w @ (negative * f)
        sensitivity, specificity = _ratio(hits, n_positive), _ratio(n_negative - alarms, n_negative)
        misses = n_positive - hits
        figures = [
            _ratio(hits + alarms, n_positive + n_negative),
            sensitivity,
            specificity,
            _ratio(hits, hits + alarms),
            _ratio(n_negative - alarms, n_negative - alarms + misses),
            *(predictive_values(sensitivity, specificity, p)[0] for p in prevalences),
        ]
        return np.concatenate(figures, axis=1)

    found = estimates(bootstrap(statistic, patients, resamples, seed))

    def report(d: int) -> DecisionReport:
        flagged, sensitivity, specificity, ppv, npv, *ppv_at = found[d :: len(names)]
        return DecisionReport(
            n_positive=int(positive[:, d].sum()),
            n_negative=int(negative[:, d].sum()),
            flagged=flagged,
            sensitivity=sensitivity,
            specificity=specificity,
            ppv=ppv,
            npv=npv,
            ppv_at=dict(zip(prevalences, ppv_at, strict=True)),
        )

    return {name: report(d) for d, name in enumerate(names)}
