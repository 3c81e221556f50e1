"""Predictions and labels of the same images, joined and checked before any figure is computed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr.benchmark.csv_table import CsvTable, quoted, read_csv
from cxr.errors import DatasetError
from cxr.evaluation.subgroups import age_band
from nlp_labeler.findings import LABELS, NO_FINDING
from nlp_labeler.storage import write_rows

__all__ = ["LabeledPredictions", "join", "read_predictions", "write_predictions"]

IMAGE, LABELS_COLUMN, PATIENT = "Image Index", "Finding Labels", "Patient ID"
PREFIX = "prob_"
# Columns of the official table, and of ours, that divide images into subgroups.
_ATTRIBUTES = {"sex": "Patient Gender", "age": "Patient Age", "view": "View Position", "hospital": "Hospital"}


@dataclass(frozen=True)
class LabeledPredictions:
    """N images with what a model said and what is true.

    Attributes:
        images: (N,) Image Index.
        patients: (N,) Patient ID.
        label_names: L findings.
        labels: (N, L) 1, 0, or NaN where unknown.
        probabilities: (N, L) in [0, 1].
        attributes: sex, age, view, hospital, as far as the table has them -> (N,) value of each image.
    """

    images: tuple[str, ...]
    patients: tuple[str, ...]
    label_names: tuple[str, ...]
    labels: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    attributes: Mapping[str, tuple[str, ...]]


def read_predictions(path: Path) -> tuple[tuple[str, ...], tuple[str, ...], NDArray[np.float64]]:
    """Images, findings and probabilities (N, L) of a table with `Image Index` and `prob_NAME` columns.

    Raises:
        DatasetError: if a column is missing or of an unknown finding, an image is listed twice, or a value is no
            probability.
    """
    table = read_csv(path)
    table.require([IMAGE])
    names = tuple(name.removeprefix(PREFIX) for name in table.columns if name.startswith(PREFIX))
    if not names:
        raise DatasetError(
            f"{path} has no column '{PREFIX}NAME'; one for each finding is needed, e.g. '{PREFIX}{LABELS[0]}'"
        )
    unknown = [name for name in names if name not in LABELS]
    if unknown:
        raise DatasetError(f"{path}: unknown finding {quoted(unknown)}; known are {', '.join(LABELS)}")
    table.require_unique(IMAGE)
    columns = [_probabilities(table, name) for name in names]
    return tuple(table.columns[IMAGE]), names, np.stack(columns, axis=1)


def _probabilities(table: CsvTable, name: str) -> NDArray[np.float64]:
    cells = table.columns[PREFIX + name]
    try:
        values = np.array(cells, dtype=np.float64)
    except ValueError:
        values = np.array([_number_or_nan(cell) for cell in cells])
    wrong = np.flatnonzero(~((values >= 0) & (values <= 1)))  # also finds NaN
    if len(wrong):
        first = wrong[0]
        raise DatasetError(
            f"{table.path}: column '{PREFIX}{name}' has {len(wrong)} values that are not probabilities in [0, 1], e.g. "
            f"'{cells[first]}' for {table.columns[IMAGE][first]}"
        )
    return values


def _number_or_nan(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _label_matrix(table: CsvTable, rows: Sequence[int], names: Sequence[str]) -> NDArray[np.float64]:
    """(rows, names) from the `Finding Labels` cells, which separate findings by '|'.

    Raises:
        DatasetError: if a cell is empty, holds an unknown finding, or combines 'No Finding' with a finding.
    """
    known = {*LABELS, NO_FINDING}
    labels = np.zeros((len(rows), len(names)))
    position = {name: c for c, name in enumerate(names)}
    for i, row in enumerate(rows):
        found = table.columns[LABELS_COLUMN][row].split("|")
        for name in found:
            if name not in known:
                raise DatasetError(
                    f"{table.path}: unknown finding '{name}' for {table.columns[IMAGE][row]}; known are "
                    f"{', '.join(LABELS)} and '{NO_FINDING}'"
                )
            if name in position:
                labels[i, position[name]] = 1
        if NO_FINDING in found and len(found) > 1:
            raise DatasetError(
                f"{table.path}: {table.columns[IMAGE][row]} is '{'|'.join(found)}'; '{NO_FINDING}' stands alone"
            )
    return labels


def _attribute(name: str, cells: Sequence[str]) -> tuple[str, ...]:
    if name != "age":
        return tuple(cells)
    return tuple(age_band(_number_or_nan(cell.rstrip("Yy"))) for cell in cells)  # the first release wrote 058Y


def join(predictions: Path, labels: Path) -> LabeledPredictions:
    """Predictions with the labels of the official table; labeled images without a prediction are left out.

    Args:
        predictions: `Image Index` and `prob_NAME` columns.
        labels: `Image Index`, `Finding Labels`, `Patient ID`; `Patient Gender`, `Patient Age`, `View Position` and
            `Hospital` are used for subgroups where they are there.

    Raises:
        DatasetError: with one line, for anything in either table that would make a figure wrong.
    """
    images, names, probabilities = read_predictions(predictions)
    table = read_csv(labels)
    table.require([IMAGE, LABELS_COLUMN, PATIENT])
    table.require_unique(IMAGE)
    row_of = {image: row for row, image in enumerate(table.columns[IMAGE])}
    unlabeled = [image for image in images if image not in row_of]
    if unlabeled:
        raise DatasetError(
            f"{len(unlabeled)} of {len(images)} images in {predictions} are not in {labels}, e.g. '{unlabeled[0]}'"
        )
    rows = [row_of[image] for image in images]

    def cells(column: str) -> list[str]:
        return [table.columns[column][row] for row in rows]

    patients = cells(PATIENT)
    if "" in patients:
        raise DatasetError(f"{labels}: '{images[patients.index('')]}' has no {PATIENT}")
    return LabeledPredictions(
        images=images,
        patients=tuple(patients),
        label_names=names,
        labels=_label_matrix(table, rows, names),
        probabilities=probabilities,
        attributes={
            name: _attribute(name, cells(column)) for name, column in _ATTRIBUTES.items() if column in table.columns
        },
    )


def write_predictions(data: LabeledPredictions, path: Path) -> None:
    """Write a table that :func:`read_predictions` reads, with patients and labels beside, for later comparison."""
    header = [IMAGE, PATIENT, *(f"{PREFIX}{n}" for n in data.label_names), *(f"label_{n}" for n in data.label_names)]
    labels = [["" if np.isnan(value) else f"{value:.0f}" for value in row] for row in data.labels]
    rows = zip(data.images, data.patients, data.probabilities.tolist(), labels, strict=True)
    write_rows(path, header, ([image, patient, *scores, *truth] for image, patient, scores, truth in rows))
