"""A trained run on the held-out patients of a dataset: classification, and boxes from its class maps."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import TypeAdapter
from rich.progress import track

from cxr.datasets.cache import ImageCache
from cxr.datasets.dataset import Dataset
from cxr.errors import DatasetError
from cxr.evaluation.classification import ClassificationReport, evaluate_classification
from cxr.evaluation.localization import BoxTable, LocalizationReport, evaluate_localization
from cxr.imaging.preprocessing import prepare
from cxr.imaging.reading import read_radiograph
from cxr.localization import BoxSettings, WindowSettings, default_box_settings
from cxr.localization.heatmaps import Heatmaps
from cxr.models.checkpoint import load_checkpoint
from cxr.training.classifier.ontology import with_ontology
from cxr.training.classifier.predictions import Predictions, split_predictions, write_predictions
from cxr.training.shared.losses import UNCERTAIN
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


def evaluate_run(
    run: Path, dataset: Dataset, out: Path, *, split: str = "test", resamples: int = 1000, workers: int = 1
) -> HeldOutReport:
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
    if not set(card.label_space) <= set(dataset.label_space):
        dataset = with_ontology(dataset)
    chosen = dataset.subset(split)
    missing = sorted(set(card.label_space) - set(dataset.label_space))
    if missing:
        raise DatasetError(f"{dataset.root} has no labels for {', '.join(missing)}, which the run predicts")
    if chosen.records.empty:
        raise DatasetError(f"{dataset.root}: the {split} split has no images")
    chosen, cache = ImageCache.of_readable(chosen, card.image_size, run / "cache" / split, workers=workers)
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
            default_box_settings(card.label_space),
            resamples=resamples,
        )
        if boxed
        else None,
    )
    write_bytes(out / "evaluation.json", TypeAdapter(HeldOutReport).dump_json(report, indent=1))  # NaN becomes null
    return report


def true_boxes(boxes: pd.DataFrame) -> BoxTable:
    """The table of a dataset's boxes (columns of datasets.schema.BOX_COLUMNS)."""
    rows = boxes[["image", "label", "x", "y", "width", "height"]].itertuples(index=False)
    return BoxTable.of((image, label, box) for image, label, *box in rows)


def localize(
    predictions: Predictions,
    paths: dict[str, Path],
    truth: pd.DataFrame,
    size: int,
    settings: Mapping[str, BoxSettings | WindowSettings],
    *,
    resamples: int,
) -> LocalizationReport:
    """Score the boxes that each class map gives where its finding is truly boxed (the protocol of Wang 2017).

    Args:
        predictions: with class maps, and with the outlines of a network that draws them.
        paths: image -> its file, for its size.
        truth: boxes in pixels of the files; labels outside the label space are passed over.
        size: edge of the network input.
        settings: how each label's heatmap becomes boxes.
        resamples: bootstrap resamples of the patients.

    Raises:
        CxrError: if no box is of a label in the label space.
    """
    if predictions.class_maps is None:
        raise ValueError("localisation needs predictions with class maps")
    rows = {image: row for row, image in enumerate(predictions.images)}
    truth = truth[truth["image"].isin(rows) & truth["label"].isin(predictions.label_space)]
    found: list[tuple[str, str, list[float]]] = []
    for image in track(list(dict.fromkeys(truth["image"].astype(str))), description="locating", transient=True):
        heatmaps = _heatmaps(predictions, rows[image], paths[image], size)
        found += [
            (image, label, [box.x, box.y, box.width, box.height])
            for label in dict.fromkeys(truth.loc[truth["image"] == image, "label"])
            for box in heatmaps.boxes(label, settings[label], probability=1.0)
        ]
    patients = dict(zip(predictions.images, predictions.patients, strict=True))
    return evaluate_localization(
        true_boxes(truth), BoxTable.of(found), patients, predictions.label_space, resamples=resamples
    )


def _heatmaps(predictions: Predictions, row: int, path: Path, size: int) -> Heatmaps:
    """The heatmaps of one image, confined as the clinic confines them."""
    assert predictions.class_maps is not None
    radiograph = read_radiograph(path)
    square, placement = prepare(radiograph.pixels, size, radiograph.metadata.pixel_aspect)
    class_maps = predictions.class_maps[row].astype(np.float32)
    outlines = None if predictions.outlines is None else predictions.outlines[row].astype(np.float32)
    return Heatmaps(class_maps, predictions.label_space, square, placement, outlines)
