"""Scores of a labeler against gold labels: precision, recall and F1 with bootstrap intervals over reports.

Two protocols are always reported together, over the eight labels of ChestX-ray8 unless others are named.
``all_reports`` scores them on every report. ``with_normal`` keeps the reports that have one of them or are normal, and
scores Normal, predicted where none of them is positive, as one more label: it resembles the table of the ChestX-ray8
paper (Wang 2017) and is far easier. Uncertain counts as not positive in both. ``No Finding``, the column, is scored on
all reports by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlp_labeler.errors import LabelerError
from nlp_labeler.findings import CHESTXRAY8, NO_FINDING

__all__ = ["Evaluation", "Interval", "LabelScore", "Scores", "evaluate_labels", "positives", "score"]

Matrix = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LabelScore:
    """Precision, recall and F1 in [0, 1] with the counts they come from; 0 where a ratio is undefined."""

    precision: float
    recall: float
    f1: float
    n_gold: int
    n_predicted: int
    n_agreed: int

    @classmethod
    def from_counts(cls, agreed: int, gold: int, predicted: int) -> "LabelScore":
        """The score of ``agreed`` decisions in common among ``gold`` true and ``predicted`` made ones."""
        return cls(
            precision=agreed / max(predicted, 1),
            recall=agreed / max(gold, 1),
            f1=2 * agreed / max(gold + predicted, 1),
            n_gold=gold,
            n_predicted=predicted,
            n_agreed=agreed,
        )


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % percentile bootstrap interval over reports."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores over one set of labels.

    Attributes:
        n_reports: number of reports scored.
        micro: all decisions pooled.
        per_label: by label name.
        micro_f1: with its interval.
        macro_f1: mean F1 over labels, with its interval.
    """

    n_reports: int
    micro: LabelScore
    per_label: dict[str, LabelScore]
    micro_f1: Interval
    macro_f1: Interval


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Both protocols and the score of ``No Finding`` on all reports."""

    all_reports: Scores
    with_normal: Scores
    no_finding: LabelScore


def positives(labels: Sequence[Mapping[str, int | None]], names: Sequence[str]) -> Matrix:
    """Which labels are positive (1), as a (reports, labels) array; uncertain and missing are not."""
    return np.array([[row[name] == 1 for name in names] for row in labels], dtype=bool).reshape(len(labels), len(names))


def score(gold: Matrix, predicted: Matrix, names: Sequence[str], *, resamples: int = 1000, seed: int = 0) -> Scores:
    """Scores of predictions (N, L) against gold (N, L).

    Raises:
        LabelerError: if the shapes differ or do not fit the names.
    """
    if gold.shape != predicted.shape or gold.ndim != 2 or gold.shape[1] != len(names):
        raise LabelerError(f"gold {gold.shape} and predicted {predicted.shape} must both be (reports, {len(names)})")
    counts = np.stack([gold & predicted, gold, predicted]).astype(np.float64)  # (3, N, L)
    totals = counts.sum(axis=1)  # (3, L)
    n_reports = len(gold)
    weights = np.random.default_rng(seed).multinomial(n_reports, np.full(n_reports, 1 / max(n_reports, 1)), resamples)
    samples = np.einsum("bn,knl->bkl", weights, counts, optimize=True)  # (B, 3, L)
    return Scores(
        n_reports=n_reports,
        micro=_label_score(totals.sum(axis=1)),
        per_label={name: _label_score(totals[:, index]) for index, name in enumerate(names)},
        micro_f1=_interval(float(_f1(totals.sum(axis=1))), _f1(samples.sum(axis=2).T)),
        macro_f1=_interval(float(_f1(totals).mean()), _f1(samples.transpose(1, 0, 2)).mean(axis=1)),
    )


def evaluate_labels(
    gold: Sequence[Mapping[str, int | None]],
    predicted: Sequence[Mapping[str, int | None]],
    labels: Sequence[str] = CHESTXRAY8,
) -> Evaluation:
    """Both protocols over a set of labels.

    Args:
        gold: per report those labels and ``No Finding``, 1 where true.
        predicted: per report the labels of a :class:`~nlp_labeler.document.ReportLabels`.
        labels: those that are scored; by default the eight of ChestX-ray8.

    Raises:
        LabelerError: if the two differ in length or are empty.
    """
    if len(gold) != len(predicted) or not gold:
        raise LabelerError(
            f"{len(gold)} gold and {len(predicted)} predicted reports; need as many of each, at least one"
        )
    truth, guess = positives(gold, labels), positives(predicted, labels)
    normal, called_normal = positives(gold, (NO_FINDING,)), positives(predicted, (NO_FINDING,))
    kept = truth.any(axis=1) | normal[:, 0]
    nine_truth = np.hstack([truth, normal])[kept]
    nine_guess = np.hstack([guess, ~guess.any(axis=1, keepdims=True)])[kept]
    return Evaluation(
        all_reports=score(truth, guess, labels),
        with_normal=score(nine_truth, nine_guess, (*labels, "Normal")),
        no_finding=score(normal, called_normal, (NO_FINDING,)).micro,
    )


def _f1(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """F1 = 2 TP / (gold + predicted); the first axis is (agreed, gold, predicted)."""
    agreed, gold, predicted = counts
    return np.asarray(2 * agreed / np.maximum(gold + predicted, 1))


def _label_score(counts: NDArray[np.float64]) -> LabelScore:
    agreed, gold, predicted = (int(count) for count in counts)
    return LabelScore.from_counts(agreed, gold, predicted)


def _interval(value: float, samples: NDArray[np.float64]) -> Interval:
    low, high = np.quantile(samples, [0.025, 0.975])
    return Interval(value, float(low), float(high))
