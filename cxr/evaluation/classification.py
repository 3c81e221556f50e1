"""Classification of a whole label space with patient-cluster intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr.errors import CxrError
from cxr.evaluation.bootstrap import Estimate, bootstrap, estimates
from cxr.evaluation.ranking import RankedScores
from nlp_labeler.findings import CHESTXRAY8

__all__ = ["ClassificationReport", "LabelReport", "evaluate_classification", "headline_labels"]


@dataclass(frozen=True)
class LabelReport:
    """Figures of one label.

    Attributes:
        n: images whose label is known.
        n_positive: of these, positive.
        auc: area under the ROC curve.
        average_precision: area under the precision-recall curve (step-wise).
        sensitivity: at the report's ``max_fpr``, read from the ROC curve.
    """

    n: int
    n_positive: int
    auc: Estimate
    average_precision: Estimate
    sensitivity: Estimate


@dataclass(frozen=True)
class ClassificationReport:
    """Figures of a label space on one set of images.

    Attributes:
        n_images: images.
        n_patients: patients.
        mean_auc: mean over ``mean_over`` of the labels' AUC, of those that are defined.
        mean_sensitivity: the same of the sensitivity at ``max_fpr``.
        mean_over: the labels that the means are taken over.
        max_fpr: false-positive rate at which sensitivity is read.
        resamples: patient resamples behind the 95 % intervals.
        per_label: label -> figures, in the order of the label space.
    """

    n_images: int
    n_patients: int
    mean_auc: Estimate
    mean_sensitivity: Estimate
    mean_over: tuple[str, ...]
    max_fpr: float
    resamples: int
    per_label: Mapping[str, LabelReport]


def headline_labels(label_names: Sequence[str]) -> tuple[str, ...]:
    """The labels a mean is taken over: those of ChestX-ray8 among the names, or all where there are none."""
    return tuple(name for name in label_names if name in CHESTXRAY8) or tuple(label_names)


def check_predictions(
    labels: ArrayLike, scores: ArrayLike, patients: Sequence[str], label_names: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Labels and scores as (N, L) arrays.

    Raises:
        CxrError: if their shapes do not fit the patients and names.
    """
    y, s = np.asarray(labels, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if y.shape != s.shape or y.shape != (len(patients), len(label_names)) or not y.size:
        raise CxrError(
            f"labels {y.shape}, scores {s.shape}, {len(patients)} patients and {len(label_names)} label names do not "
            "fit together"
        )
    return y, s


def _mean_of_defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the last axis of what is not NaN, keeping the axis; NaN where nothing is defined."""
    count = (~np.isnan(values)).sum(axis=-1, keepdims=True)
    total = np.nansum(values, axis=-1, keepdims=True)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def evaluate_classification(
    labels: ArrayLike,
    scores: ArrayLike,
    patients: Sequence[str],
    label_names: Sequence[str],
    resamples: int = 1000,
    seed: int = 0,
    *,
    max_fpr: float = 0.01,
    mean_over: Sequence[str] | None = None,
) -> ClassificationReport:
    """AUC, average precision and sensitivity of every label, with 95 % patient-cluster bootstrap intervals.

    Args:
        labels: (N, L) 1, 0, or NaN where unknown.
        scores: (N, L) any finite scores, higher means more likely positive.
        patients: (N,) patient of each image.
        label_names: L names, in the order of the columns.
        resamples: patient resamples.
        seed: makes the intervals repeatable.
        max_fpr: false-positive rate at which sensitivity is read.
        mean_over: labels that the means are taken over; by default :func:`headline_labels`.

    Raises:
        CxrError: if shapes disagree, a label is not 1, 0 or NaN, or a score is not finite.
    """
    y, s = check_predictions(labels, scores, patients, label_names)
    ranked = [RankedScores(y[:, c], s[:, c]) for c in range(len(label_names))]
    chosen = headline_labels(label_names) if mean_over is None else tuple(mean_over)
    columns = [list(label_names).index(name) for name in chosen]

    def statistic(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        metrics = [scores_of_label.metrics(weights, max_fpr) for scores_of_label in ranked]
        auc = np.stack([m.auc for m in metrics], axis=1)
        average_precision = np.stack([m.average_precision for m in metrics], axis=1)
        sensitivity = np.stack([m.sensitivity for m in metrics], axis=1)
        means = [_mean_of_defined(values[:, columns]) for values in (auc, sensitivity)]
        return np.concatenate([*means, auc, average_precision, sensitivity], axis=1)

    found = estimates(bootstrap(statistic, patients, resamples, seed))
    auc, precision, sensitivity = (found[2 + i * len(ranked) : 2 + (i + 1) * len(ranked)] for i in range(3))
    per_label = {
        name: LabelReport(
            n=len(r.negative_images) + len(r.positive_images),
            n_positive=len(r.positive_images),
            auc=auc[c],
            average_precision=precision[c],
            sensitivity=sensitivity[c],
        )
        for c, (name, r) in enumerate(zip(label_names, ranked, strict=True))
    }
    return ClassificationReport(
        n_images=len(y),
        n_patients=len(set(patients)),
        mean_auc=found[0],
        mean_sensitivity=found[1],
        mean_over=chosen,
        max_fpr=max_fpr,
        resamples=resamples,
        per_label=per_label,
    )
