"""A trained run on the held-out patients of a dataset."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from cxr.datasets.cache import ImageCache
from cxr.datasets.dataset import Dataset
from cxr.errors import DatasetError
from cxr.evaluation.classification import ClassificationReport, evaluate_classification
from cxr.evaluation.localization import LocalizationReport
from cxr.localization import BoxSettings
from cxr.models.checkpoint import load_checkpoint
from cxr.training.localize import localize
from cxr.training.losses import UNCERTAIN
from cxr.training.ontology import with_ontology
from cxr.training.predict import write_predictions
from cxr.training.train import split_predictions
from nlp_labeler.findings import LABELS
from nlp_labeler.storage import write_bytes


@dataclass(frozen=True)
class HeldOutReport:
    """Figures of one model on one split.

    Attributes:
        split: 'train', 'val' or 'test'.
        weights_sha256: which model.
        classification: per label and mean.
        localization: where the split has boxes of the label space.
    """

    split: str
    weights_sha256: str
    classification: ClassificationReport
    localization: LocalizationReport | None


def evaluate_run(run: Path, dataset: Dataset, out: Path, *, split: str, resamples: int, workers: int) -> HeldOutReport:
    """Predict a split and score it, with intervals by patient.

    Writes OUT/predictions.csv (`Image Index`, `Patient ID`, logit_, prob_ and label_ columns; probabilities are not
    calibrated) and OUT/evaluation.json.

    Args:
        run: the --out folder of a finished `cxr train`.
        dataset: with labels for the run's label space.
        out: folder for both files.
        split: 'train', 'val' or 'test'.
        resamples: bootstrap resamples of the patients.
        workers: processes that decode images.

    Raises:
        ConfigError: if the run is not finished or was altered.
        DatasetError: if the split is empty or lacks a label of the run.
    """
    model, card = load_checkpoint(run)
    if not set(card.label_space) <= set(LABELS):
        dataset = with_ontology(dataset)
    chosen = dataset.subset(split)
    missing = sorted(set(card.label_space) - set(dataset.label_space))
    if missing:
        raise DatasetError(f"{dataset.root} has no labels for {', '.join(missing)}, which the run predicts")
    if chosen.records.empty:
        raise DatasetError(f"{dataset.root}: the {split} split has no images")
    cache = ImageCache.build(chosen, card.image_size, run / "cache" / split, workers=workers)
    boxed = bool(chosen.boxes["label"].isin(card.label_space).any())
    predictions = split_predictions(model, chosen, cache, card.label_space, with_maps=boxed)
    write_predictions(predictions, out / "predictions.csv")
    report = HeldOutReport(
        split=split,
        weights_sha256=card.weights_sha256,
        classification=evaluate_classification(
            np.where(predictions.labels == UNCERTAIN, np.nan, predictions.labels),
            predictions.logits,
            predictions.patients,
            card.label_space,
            resamples=resamples,
        ),
        localization=localize(
            predictions,
            {image: Path(path) for image, path in zip(chosen.records["image"], chosen.records["path"], strict=True)},
            chosen.boxes,
            card.image_size,
            {label: BoxSettings() for label in card.label_space},
            resamples=resamples,
        )
        if boxed
        else None,
    )
    write_bytes(out / "evaluation.json", TypeAdapter(HeldOutReport).dump_json(report, indent=1))  # NaN becomes null
    return report
