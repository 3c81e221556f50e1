"""Boxes from the class maps of a dataset's boxed images, and their score against the true ones."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.progress import track

from cxr.evaluation.localization import BoxTable, LocalizationReport, evaluate_localization
from cxr.imaging.preprocessing import prepare
from cxr.imaging.reading import read_radiograph
from cxr.localization import Box, BoxSettings
from cxr.localization.evidence import heatmap_on_image
from cxr.localization.locator import Locator
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
    settings: Mapping[str, BoxSettings],
    *,
    resamples: int,
) -> LocalizationReport:
    """Score the boxes that each class map gives where its finding is truly boxed (the protocol of Wang 2017).

    Args:
        predictions: with class maps.
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
        labels = truth.loc[truth["image"] == image, "label"]
        maps = predictions.class_maps[rows[image]].astype(np.float32)
        columns = {label: predictions.label_space.index(label) for label in dict.fromkeys(labels)}
        found += [
            (image, label, [box.x, box.y, box.width, box.height])
            for label, box in _boxes(paths[image], {name: maps[c] for name, c in columns.items()}, size, settings)
        ]
    patients = dict(zip(predictions.images, predictions.patients, strict=True))
    return evaluate_localization(
        true_boxes(truth), BoxTable.of(found), patients, predictions.label_space, resamples=resamples
    )


def _boxes(
    path: Path, class_maps: Mapping[str, NDArray[np.float32]], size: int, settings: Mapping[str, BoxSettings]
) -> Iterable[tuple[str, Box]]:
    """Label and box, in pixels of the file, of each class map (S, S)."""
    radiograph = read_radiograph(path)
    square, placement = prepare(radiograph.pixels, size, radiograph.metadata.pixel_aspect)
    locator = Locator(square, placement)
    for label, class_map in class_maps.items():
        heatmap = heatmap_on_image(class_map, placement, size)
        for box in locator.boxes(label, heatmap, settings[label], probability=1.0):
            yield label, box
