"""The demo's figures against the phantom truth: the only place that opens the truth folder."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from cxr.datasets.cache import ImageCache
from cxr.datasets.dataset import Dataset
from cxr.evaluation.classification import ClassificationReport, evaluate_classification
from cxr.evaluation.localization import LocalizationReport
from cxr.localization import BoxSettings
from cxr.models.checkpoint import load_checkpoint
from cxr.training.classifier.evaluate import localize
from cxr.training.classifier.predictions import split_predictions, write_predictions
from nlp_labeler.findings import CHESTXRAY8

RESAMPLES = 1000


@dataclass(frozen=True)
class DemoScore:
    """Held-out patients against the truth.

    Attributes:
        classification: AUC and sensitivity at 1 % false positives per finding, means over the eight.
        localization: hits of the heatmaps' boxes.
        label_f1: micro F1 of the labels mined from the held-out reports, over the eight.
    """

    classification: ClassificationReport
    localization: LocalizationReport
    label_f1: float


def score_against_truth(run: Path, dataset: Dataset, truth: Path, out: Path, *, workers: int) -> DemoScore:
    """Predict the test patients and compare with what the phantoms truly have.

    Args:
        run: finished training run.
        dataset: the built dataset, for its split and its mined labels.
        truth: the cohort's truth folder.
        out: folder for predictions.csv with the true labels.
        workers: processes that decode images.
    """
    model, card = load_checkpoint(run)
    test = dataset.subset("test")
    cache = ImageCache.build(test, card.image_size, run / "cache" / "test", workers=workers)
    mined = split_predictions(model, test, cache, card.label_space, with_maps=True)
    labels = _true_labels(truth, mined.images, card.label_space)
    predictions = replace(mined, labels=labels)
    write_predictions(predictions, out / "predictions.csv")
    eight = [card.label_space.index(name) for name in CHESTXRAY8 if name in card.label_space]
    return DemoScore(
        classification=evaluate_classification(
            labels,
            predictions.logits,
            predictions.patients,
            card.label_space,
            resamples=RESAMPLES,
            mean_over=[card.label_space[i] for i in eight],
        ),
        localization=localize(
            predictions,
            {image: Path(path) for image, path in zip(test.records["image"], test.records["path"], strict=True)},
            pd.read_csv(truth / "boxes.csv", dtype={"image": str, "label": str}),
            card.image_size,
            {label: BoxSettings() for label in card.label_space},
            resamples=RESAMPLES,
        ),
        label_f1=float(f1_score(labels[:, eight] == 1, mined.labels[:, eight] == 1, average="micro")),
    )


def _true_labels(truth: Path, images: tuple[str, ...], label_space: tuple[str, ...]) -> NDArray[np.float32]:
    frame = pd.read_csv(truth / "labels.csv", dtype={"image": str}).set_index("image")
    return frame.loc[list(images), list(label_space)].to_numpy(np.float32, copy=True)
