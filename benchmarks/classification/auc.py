"""AUC per finding and mean, averaged over seeds, the gain of one recipe over another, and the distance to CheXNet."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.chexnet import chexnet_predictions
from benchmarks.classification.trained import DATA, RESAMPLES, SEEDS, SHIPPED, TrainedRun
from benchmarks.record import Row, line
from cxr.evaluation.bootstrap import Statistic, bootstrap, estimates
from cxr.evaluation.classification import evaluate_classification
from cxr.evaluation.ranking import RankedScores
from cxr.training.classifier.predictions import Predictions
from nlp_labeler.findings import CHESTXRAY8

__all__ = ["auc_rows", "distance_rows", "eight_aucs", "gain_rows", "mean_auc"]


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


def auc_rows(trained: dict[str, list[TrainedRun]]) -> list[Row]:
    """Mean of the eight and each of them, per recipe, with patient-bootstrap intervals."""
    rows = []
    for name, runs in trained.items():
        predictions = [run.predictions for run in runs]
        patients = predictions[0].patients
        mean = estimates(bootstrap(mean_auc(predictions), patients, RESAMPLES))[0]
        each = estimates(bootstrap(eight_aucs(predictions), patients, RESAMPLES))
        figures = dict(zip(("mean of 8", *CHESTXRAY8), (mean, *each), strict=True))
        rows += line("nih-auc", name, figures, n=len(patients), unit_of_n="images", data=DATA, seeds=SEEDS)
    return rows


def gain_rows(runs: list[TrainedRun], others: list[TrainedRun], name: str) -> list[Row]:
    """Mean AUC of one recipe less that of another, both averaged over the same seeds, resampled together."""
    one, other = (mean_auc([run.predictions for run in of_recipe]) for of_recipe in (runs, others))
    patients = runs[0].predictions.patients
    gain = estimates(bootstrap(lambda weights: one(weights) - other(weights), patients, RESAMPLES))[0]
    figures = {"mean AUC of 8": gain}
    return line("nih-gain", name, figures, n=len(patients), unit_of_n="images", data=DATA, seeds=SEEDS)


def distance_rows(ours: Predictions) -> list[Row]:
    """Mean AUC of the eight of the shipped recipe and of a public CheXNet, on images that neither has seen.

    They are those of test_dev that CheXNet's own test split holds too: how far there is still to go.
    """
    theirs = chexnet_predictions()
    places = {image: row for row, image in enumerate(theirs.images)}
    rows = [row for row, image in enumerate(ours.images) if image in places]
    columns = [ours.label_space.index(c) for c in CHESTXRAY8]
    labels = ours.labels[rows][:, columns]
    their_rows = [places[ours.images[row]] for row in rows]
    their_columns = [theirs.label_names.index(c) for c in CHESTXRAY8]
    patients = [ours.patients[row] for row in rows]

    def compared(name: str, scores: NDArray[np.floating], seeds: tuple[int, ...]) -> list[Row]:
        mean = evaluate_classification(labels, scores, patients, CHESTXRAY8, RESAMPLES).mean_auc
        figures = {"mean AUC of 8": mean}
        return line("nih-distance", name, figures, n=len(rows), unit_of_n="images", data=DATA, seeds=seeds)

    chexnet = theirs.probabilities[their_rows][:, their_columns]
    return [
        *compared(f"{SHIPPED}, 2,163 training images", ours.logits[rows][:, columns], SEEDS[:1]),
        *compared("CheXNet reproduction, about 78,000", chexnet, ()),
    ]
