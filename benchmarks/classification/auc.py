"""AUC per finding and mean, averaged over seeds, and the gain of one recipe over another."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.classification.trained import DATA, RESAMPLES, TrainedRun
from benchmarks.record import Row
from cxr.evaluation.bootstrap import Estimate, Statistic, bootstrap, estimates
from cxr.evaluation.ranking import RankedScores
from cxr.training.classifier.predictions import Predictions
from nlp_labeler.findings import CHESTXRAY8

__all__ = ["auc_rows", "eight_aucs", "gain_row", "mean_auc"]


def eight_aucs(predictions: Sequence[Predictions]) -> Statistic:
    """Image weights (R, N) -> (R, 8): AUC of each of the eight findings, averaged over the seeds' runs.

    A finding with too few positives to be learned is not in a run's label space: it is told by chance.
    """
    ranked = [[_ranked(p, c) if c in p.label_space else None for c in CHESTXRAY8] for p in predictions]

    def values(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        chance = np.full(len(weights), 0.5)
        found = [[scores.metrics(weights, 0.0).auc if scores else chance for scores in of_run] for of_run in ranked]
        return np.mean(found, axis=0).T

    return values


def _ranked(predictions: Predictions, finding: str) -> RankedScores:
    column = predictions.label_space.index(finding)
    return RankedScores(predictions.labels[:, column], predictions.logits[:, column])


def mean_auc(predictions: Sequence[Predictions]) -> Statistic:
    """Image weights (R, N) -> (R, 1): the mean of the eight."""
    aucs = eight_aucs(predictions)
    return lambda weights: aucs(weights).mean(axis=1, keepdims=True)


def _row(table: str, row: str, metric: str, estimate: Estimate, runs: Sequence[TrainedRun]) -> Row:
    return Row(
        table=table,
        row=row,
        metric=metric,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=len(runs[0].predictions.images),
        unit_of_n="images",
        data=f"{DATA}, mean of {len(runs)} seeds",
    )


def auc_rows(trained: dict[str, list[TrainedRun]]) -> list[Row]:
    """Mean of the eight and each of them, per recipe, with patient-bootstrap intervals."""
    rows = []
    for name, runs in trained.items():
        predictions = [run.predictions for run in runs]
        patients = predictions[0].patients
        mean = estimates(bootstrap(mean_auc(predictions), patients, RESAMPLES))[0]
        each = estimates(bootstrap(eight_aucs(predictions), patients, RESAMPLES))
        figures = zip(("mean of 8", *CHESTXRAY8), (mean, *each), strict=True)
        rows += [_row("nih-auc", name, metric, estimate, runs) for metric, estimate in figures]
    return rows


def gain_row(runs: list[TrainedRun], others: list[TrainedRun], name: str) -> Row:
    """Mean AUC of one recipe less that of another, both averaged over their seeds, resampled together."""
    one, other = (mean_auc([run.predictions for run in of_recipe]) for of_recipe in (runs, others))
    gain = bootstrap(lambda weights: one(weights) - other(weights), runs[0].predictions.patients, RESAMPLES)
    return _row("nih-gain", name, "mean AUC of 8", estimates(gain)[0], runs)
