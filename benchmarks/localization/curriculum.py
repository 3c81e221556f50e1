"""What a curriculum by severity rests on, and whether it learns in fewer steps.

Severe findings should be easier to see than mild ones; the validation AUC after each epoch, all equally long, should
rise sooner.
"""

import numpy as np
import pandas as pd

from benchmarks.localization.cohort import AblationCohort
from benchmarks.localization.methods import BASE, SEEDS
from benchmarks.record import Row, line
from cxr.evaluation.ranking import roc_auc
from cxr.training.classifier.predictions import Predictions, read_predictions
from cxr.training.classifier.train import CALIBRATION_SPLIT
from nlp_labeler.findings import CHESTXRAY8

__all__ = ["severity_rows", "step_rows"]

GRADES = ("mild", "moderate", "severe")


def severity_rows(cohort: AblationCohort) -> list[Row]:
    """AUC of the positives of each true grade against all negatives, of the model without a curriculum."""
    seeds = [read_predictions(cohort.run(BASE, seed) / CALIBRATION_SPLIT) for seed in SEEDS]
    graded = cohort.findings(seeds[0].images)
    rows: list[Row] = []
    for grade in GRADES:
        positives = graded[graded["grade"] == grade]
        rows += line(
            "phantom-severity",
            grade,
            {"AUC": float(np.mean([_auc(predictions, positives, cohort) for predictions in seeds]))},
            n=len(positives),
            unit_of_n="findings",
            data="phantom validation patients, the eight findings pooled by number",
            seeds=SEEDS,
        )
    return rows


def _auc(predictions: Predictions, positives: pd.DataFrame, cohort: AblationCohort) -> float:
    """Mean over findings, each as heavy as it has positives of the grade."""
    truth = cohort.truth(predictions.images)
    aucs, weights = [], []
    for finding in CHESTXRAY8:
        graded = np.isin(predictions.images, positives.loc[positives["label"] == finding, "image"])
        if graded.any():
            used = graded | (truth[finding].to_numpy() == 0)
            scores = predictions.logits[:, predictions.label_space.index(finding)]
            aucs.append(roc_auc(graded[used].astype(np.float64), scores[used]))
            weights.append(graded.sum())
    return float(np.average(aucs, weights=weights))


def step_rows(cohort: AblationCohort) -> list[Row]:
    """Mean AUC by epoch with and without the curriculum, by mined labels, its seeds averaged."""
    rows: list[Row] = []
    for name in (BASE, "curriculum"):
        curves = np.mean([_validated(cohort, name, seed) for seed in SEEDS], axis=0)
        rows += line(
            "phantom-steps",
            name,
            {f"epoch {epoch}": float(value) for epoch, value in enumerate(curves, start=1)},
            n=len(cohort.dataset.subset("val").records),
            unit_of_n="images",
            data="phantom validation patients, mined labels",
            seeds=SEEDS,
        )
    return rows


def _validated(cohort: AblationCohort, name: str, seed: int) -> list[float]:
    """val_auc of each epoch of a run."""
    log = pd.read_csv(cohort.run(name, seed) / "logs" / "metrics.csv")
    return list(log.dropna(subset=["val_auc"]).groupby("epoch")["val_auc"].last())
