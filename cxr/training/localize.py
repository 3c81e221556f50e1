"""Boxes from the class maps of a dataset's boxed images, and their score against the true ones."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr.evaluation.localization import BoxTable, LocalizationReport, evaluate_localization
from cxr.imaging.preprocessing import Placement, prepare
from cxr.imaging.reading import read_radiograph
from cxr.localization import BoxSettings
from cxr.localization.evidence import heatmap_on_image, locate
from cxr.training.predict import Predictions


def true_boxes(boxes: pd.DataFrame) -> BoxTable:
    """The table of a dataset's boxes (columns of datasets.schema.BOX_COLUMNS)."""
    rows = boxes[["image", "label", "x", "y", "width", "height"]].itertuples(index=False)
    return BoxTable.of((image, label, box) for image, label, *box in rows)


def localize(
    predictions: Predictions,
    paths: dict[str, Path],
    truth: pd.DataFrame,
    size: int,
    settings: BoxSettings,
    *,
    resamples: int,
) -> LocalizationReport:
    """Score the boxes that each class map gives where its finding is truly boxed (the protocol of Wang 2017).

    Args:
        predictions: with class maps.
        paths: image -> its file, for its size.
        truth: boxes in pixels of the files; labels outside the label space are passed over.
        size: edge of the network input.
        settings: how a heatmap becomes boxes.
        resamples: bootstrap resamples of the patients.

    Raises:
        CxrError: if no box is of a label in the label space.
    """
    if predictions.class_maps is None:
        raise ValueError("localisation needs predictions with class maps")
    rows = {image: row for row, image in enumerate(predictions.images)}
    truth = truth[truth["image"].isin(rows) & truth["label"].isin(predictions.label_space)]
    found: list[tuple[str, str, list[float]]] = []
    for image in dict.fromkeys(truth["image"].astype(str)):
        labels = truth.loc[truth["image"] == image, "label"]
        maps = predictions.class_maps[rows[image]].astype(np.float32)
        placement = _placement(paths[image], size)
        columns = [predictions.label_space.index(label) for label in dict.fromkeys(labels)]
        found += [
            (image, predictions.label_space[c], box)
            for c in columns
            for box in _boxes(maps[c], placement, size, settings)
        ]
    patients = dict(zip(predictions.images, predictions.patients, strict=True))
    return evaluate_localization(
        true_boxes(truth), BoxTable.of(found), patients, predictions.label_space, resamples=resamples
    )


def _placement(path: Path, size: int) -> Placement:
    radiograph = read_radiograph(path)
    return prepare(radiograph.pixels, size, radiograph.metadata.pixel_aspect)[1]


def _boxes(
    class_map: NDArray[np.float32], placement: Placement, size: int, settings: BoxSettings
) -> Iterable[list[float]]:
    heatmap = heatmap_on_image(class_map, placement, size)
    for box in locate(heatmap, placement, size, settings, probability=1.0):
        yield [box.x, box.y, box.width, box.height]
