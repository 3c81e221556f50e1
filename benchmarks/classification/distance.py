"""The shipped recipe and a public CheXNet on images that neither has seen: how far there is still to go."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.classification.trained import DATA, RESAMPLES, SHIPPED
from benchmarks.record import Row
from cxr.benchmark.predictions import join
from cxr.evaluation.classification import evaluate_classification
from cxr.training.classifier.predictions import Predictions
from nlp_labeler.findings import CHESTXRAY8

__all__ = ["distance_rows"]


def distance_rows(ours: Predictions, data: Path) -> list[Row]:
    """Mean AUC of the eight of both, on the test_dev images that CheXNet's own test split holds too."""
    theirs = join(data / "chexnet_predictions" / "predictions.csv.gz", data / "nih" / "Data_Entry_2017_v2020.csv.gz")
    places = {image: row for row, image in enumerate(theirs.images)}
    rows = [row for row, image in enumerate(ours.images) if image in places]
    columns = [ours.label_space.index(c) for c in CHESTXRAY8]
    labels = ours.labels[rows][:, columns]
    their_rows = [places[ours.images[row]] for row in rows]
    their_columns = [theirs.label_names.index(c) for c in CHESTXRAY8]
    scores: dict[str, NDArray[np.floating]] = {
        f"{SHIPPED}, 2,163 training images": ours.logits[rows][:, columns],
        "CheXNet reproduction, about 78,000": theirs.probabilities[their_rows][:, their_columns],
    }
    patients = [ours.patients[row] for row in rows]
    found = []
    for name, values in scores.items():
        mean = evaluate_classification(labels, values, patients, CHESTXRAY8, RESAMPLES).mean_auc
        found.append(
            Row(
                table="nih-distance",
                row=name,
                metric="mean AUC of 8",
                value=mean.value,
                low=mean.low,
                high=mean.high,
                n=len(rows),
                unit_of_n="images",
                data=f"{DATA}, first seed",
            )
        )
    return found
