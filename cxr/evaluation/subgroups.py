"""The same figures by sex, age band, view or hospital: where a model is worse, and for whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cxr.evaluation.classification import ClassificationReport, check_predictions, evaluate_classification

__all__ = ["SubgroupReport", "age_band", "evaluate_subgroups"]

_BANDS = ((18, "0-17"), (40, "18-39"), (60, "40-59"), (80, "60-79"), (120, "80+"))
UNKNOWN = "unknown"


@dataclass(frozen=True)
class SubgroupReport:
    """Classification of the images of one subgroup.

    Attributes:
        attribute: what divides, e.g. ``sex``.
        value: the subgroup, e.g. ``F``.
        classification: its figures.
    """

    attribute: str
    value: str
    classification: ClassificationReport


def age_band(years: float) -> str:
    """The age band of a patient; ``unknown`` for NaN and for ages no person has reached."""
    if not 0 <= years < _BANDS[-1][0]:  # also false for NaN
        return UNKNOWN
    return next(name for end, name in _BANDS if years < end)


def evaluate_subgroups(
    labels: ArrayLike,
    scores: ArrayLike,
    patients: Sequence[str],
    label_names: Sequence[str],
    attributes: Mapping[str, Sequence[str]],
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[SubgroupReport, ...]:
    """Classification figures of every value of every attribute.

    Args:
        labels: (N, L) 1, 0, or NaN where unknown.
        scores: (N, L) any finite scores.
        patients: (N,) patient of each image.
        label_names: L names, in the order of the columns.
        attributes: attribute -> (N,) value of each image; an empty value becomes ``unknown``.
        resamples: patient resamples.
        seed: makes the intervals repeatable.

    Returns:
        Reports in the order of the attributes, then of their sorted values.

    Raises:
        CxrError: see :func:`cxr.evaluation.classification.evaluate_classification`.
    """
    y, s = check_predictions(labels, scores, patients, label_names)
    who = np.asarray(patients)
    reports = []
    for attribute, column in attributes.items():
        values = np.array([str(value) or UNKNOWN for value in column])
        for value in np.unique(values):
            inside = values == value
            figures = evaluate_classification(y[inside], s[inside], who[inside].tolist(), label_names, resamples, seed)
            reports.append(SubgroupReport(attribute, str(value), figures))
    return tuple(reports)
