"""Whether a severe finding is easier to see than a mild one: what a curriculum by severity rests on."""

import numpy as np
import pandas as pd

from benchmarks.localization.cohort import Laboratory
from benchmarks.localization.methods import SEEDS
from benchmarks.record import Row
from cxr.evaluation.ranking import roc_auc
from cxr.training.classifier.predictions import Predictions, read_predictions
from cxr.training.classifier.train import CALIBRATION_SPLIT
from nlp_labeler.findings import CHESTXRAY8

__all__ = ["severity_rows"]

GRADES = ("mild", "moderate", "severe")


def severity_rows(laboratory: Laboratory) -> list[Row]:
    """AUC of the positives of each true grade against all negatives, of the model without a curriculum."""
    seeds = [read_predictions(laboratory.run("laboratory", seed) / CALIBRATION_SPLIT) for seed in SEEDS]
    graded = laboratory.findings(seeds[0].images)
    rows = []
    for grade in GRADES:
        positives = graded[graded["grade"] == grade]
        rows.append(
            Row(
                table="phantom-severity",
                row=grade,
                metric="AUC",
                value=float(np.mean([_auc(predictions, positives, laboratory) for predictions in seeds])),
                n=len(positives),
                unit_of_n="findings",
                data=f"phantom validation patients, the eight findings pooled by number, mean of {len(SEEDS)} seeds",
            )
        )
    return rows


def _auc(predictions: Predictions, positives: pd.DataFrame, laboratory: Laboratory) -> float:
    """Mean over findings, each as heavy as it has positives of the grade."""
    truth = laboratory.truth(predictions.images)
    aucs, weights = [], []
    for finding in CHESTXRAY8:
        graded = np.isin(predictions.images, positives.loc[positives["label"] == finding, "image"])
        if graded.any():
            used = graded | (truth[finding].to_numpy() == 0)
            scores = predictions.logits[:, predictions.label_space.index(finding)]
            aucs.append(roc_auc(graded[used].astype(np.float64), scores[used]))
            weights.append(graded.sum())
    return float(np.average(aucs, weights=weights))
