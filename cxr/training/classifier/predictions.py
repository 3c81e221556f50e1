"""Logits of a trained model over a dataset, and the file they are kept in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import nn

from cxr import tables
from cxr.datasets.dataset import Dataset
from cxr.errors import DatasetError
from cxr.tables import IMAGE, PATIENT, numbers, read_csv
from cxr.training.shared.batches import UINT8_MAX, Images, PlainImages, plain_batches

_BATCH = 64


@dataclass(frozen=True)
class Predictions:
    """Scores and labels of N images over C labels.

    Attributes:
        images: N image names (Image Index).
        patients: N patient ids.
        label_space: C label names.
        logits: (N, C) float32.
        labels: (N, C) float32 with 1, 0, -1 uncertain, NaN unknown.
        attributes: attribute such as sex or view -> N values, for figures by subgroup.
        class_maps: (N, C, S, S) float16 in logit units, or None where they were not asked for.
        outlines: (N, 3, h, w) float16 logits of both lungs and the heart, with the class maps of a network that draws
            them, as the clinic has them; None otherwise.
    """

    images: tuple[str, ...]
    patients: tuple[str, ...]
    label_space: tuple[str, ...]
    logits: NDArray[np.float32]
    labels: NDArray[np.float32]
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    class_maps: NDArray[np.float16] | None = None
    outlines: NDArray[np.float16] | None = None

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """(N, C) uncalibrated, in [0, 1]."""
        return np.asarray(1.0 / (1.0 + np.exp(-self.logits.astype(np.float64))))


def label_matrix(dataset: Dataset, label_space: tuple[str, ...]) -> NDArray[np.float32]:
    """(N, C) labels of the dataset's rows, with 1, 0, -1 and NaN."""
    return dataset.records[list(label_space)].to_numpy(np.float32, copy=True)


def split_predictions(
    model: nn.Module,
    dataset: Dataset,
    images: Images,
    label_space: tuple[str, ...],
    *,
    with_maps: bool = False,
) -> Predictions:
    """Predictions for every image of a (sub)dataset; ``images`` is what the network takes, in the order of its rows."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = model.to(device).eval()
    labels = label_matrix(dataset, label_space)
    logits: list[NDArray[np.float32]] = []
    maps: list[NDArray[np.float16]] = []
    outlines: list[NDArray[np.float16]] = []
    batches = plain_batches(PlainImages(images, labels), _BATCH)
    with torch.inference_mode():
        for pixels, _ in track(batches, description="predicting", transient=True):
            output = model(pixels.to(device).float() / UINT8_MAX)
            logits.append(output.logits.float().cpu().numpy())
            if with_maps:
                maps.append(output.class_maps.half().cpu().numpy())
            if with_maps and output.outlines is not None:
                outlines.append(output.outlines.half().cpu().numpy())
    return Predictions(
        images=tuple(dataset.records["image"]),
        patients=tuple(dataset.records["patient"]),
        label_space=label_space,
        logits=np.concatenate(logits),
        labels=labels,
        attributes={name: tuple(dataset.records[name]) for name in ("sex", "view")},
        class_maps=np.concatenate(maps) if maps else None,
        outlines=np.concatenate(outlines) if outlines else None,
    )


def write_predictions(predictions: Predictions, path: Path) -> None:
    """CSV with `Image Index`, `Patient ID`, attribute_ columns, then logit_, prob_ and label_ columns per label."""
    values: dict[str, NDArray[np.floating]] = {
        "logit_": predictions.logits,
        "prob_": predictions.probabilities,
        "label_": predictions.labels,
    }
    tables.write_predictions(
        path, predictions.images, predictions.patients, predictions.attributes, predictions.label_space, values
    )


def read_predictions(path: Path) -> Predictions:
    """What write_predictions wrote; class maps are not kept in the file.

    Raises:
        DatasetError: if it is no such table.
    """
    table = read_csv(path)
    names = tuple(name.removeprefix("logit_") for name in table.columns if name.startswith("logit_"))
    table.require([IMAGE, PATIENT, *(f"label_{name}" for name in names)])
    if not names:
        raise DatasetError(f"{path} has no column 'logit_NAME'; `cxr train` and `cxr evaluate` write one per label")
    logits, labels = (
        np.stack([numbers(table, prefix + name) for name in names], axis=1).astype(np.float32)
        for prefix in ("logit_", "label_")
    )
    return Predictions(
        images=tuple(table.columns[IMAGE]),
        patients=tuple(table.columns[PATIENT]),
        label_space=names,
        logits=logits,
        labels=labels,
        attributes={
            name.removeprefix("attribute_"): tuple(cells)
            for name, cells in table.columns.items()
            if name.startswith("attribute_")
        },
    )
