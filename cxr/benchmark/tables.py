"""The two tables of a benchmark, predictions and labels: read, checked, joined before any figure is computed.

A table is plain or gzipped CSV; the standard library suffices, since a clinic checks its certificates without the
training extras. Whatever is wrong with one is said in one clear line.
"""

import csv
import gzip
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from cxr.errors import DatasetError
from cxr.evaluation.subgroups import age_band
from nlp_labeler.findings import LABELS, NO_FINDING
from nlp_labeler.storage import write_rows

__all__ = [
    "CsvTable",
    "LabeledPredictions",
    "join",
    "read_csv",
    "read_predictions",
    "refuse_shared_patients",
    "write_predictions",
]

IMAGE, LABELS_COLUMN, PATIENT = "Image Index", "Finding Labels", "Patient ID"
PREFIX = "prob_"
# Columns of the official table, and of ours, that divide images into subgroups.
_ATTRIBUTES = {"sex": "Patient Gender", "age": "Patient Age", "view": "View Position", "hospital": "Hospital"}


_SHOWN = 8  # names listed in a message


@dataclass(frozen=True)
class CsvTable:
    """A table of text.

    Attributes:
        path: where it came from.
        columns: name -> its cells, in the order of the file.
        n_rows: number of rows.
    """

    path: Path
    columns: dict[str, list[str]]
    n_rows: int

    def require(self, names: Sequence[str]) -> None:
        """Check that columns are there.

        Raises:
            DatasetError: naming those that are missing and those that were found.
        """
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise DatasetError(
                f"{self.path} has no column {quoted(missing)}; its columns are {quoted(list(self.columns))}"
            )

    def require_unique(self, name: str) -> None:
        """Check that no value of a column occurs twice.

        Raises:
            DatasetError: with how many do, and one of them.
        """
        repeated = [value for value, count in Counter(self.columns[name]).items() if count > 1]
        if repeated:
            raise DatasetError(
                f"{self.path}: {len(repeated)} values of '{name}' occur more than once, e.g. '{repeated[0]}'; "
                "keep one row of each"
            )


def quoted(names: Sequence[str]) -> str:
    """Names for a message: the first few, quoted."""
    shown = ", ".join(f"'{name}'" for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def read_csv(path: Path) -> CsvTable:
    """Read a CSV file with a header line; ``.gz`` is decompressed.

    Raises:
        DatasetError: if it is missing, not UTF-8 text, empty, or a row has another number of cells than the header.
    """
    if not path.is_file():
        raise DatasetError(f"no file at {path}")
    try:
        with _open(path) as stream:
            rows = list(csv.reader(stream, strict=True))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} is not a readable CSV file: {error}") from error
    body = [row for row in rows[1:] if row]
    if not body:
        raise DatasetError(f"{path} has no rows")
    header = [name.strip() for name in rows[0]]
    doubled = [name for name, count in Counter(header).items() if count > 1 and name]
    if doubled:
        raise DatasetError(f"{path} has column {quoted(doubled)} more than once")
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise DatasetError(f"{path}: row {number} has {len(row)} cells, the header has {len(header)}")
    cells = zip(*body, strict=True)
    columns = {name: list(column) for name, column in zip(header, cells, strict=True)}
    return CsvTable(path, columns, len(body))


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


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


def refuse_shared_patients(images: Sequence[str], train_list: Path, labels: Path) -> None:
    """Check that no patient of the evaluated images was trained on.

    Args:
        images: the evaluated images.
        train_list: one image of the training split per line.
        labels: table with `Image Index` and `Patient ID`.

    Raises:
        DatasetError: if a patient is on both sides, or the list names an image that the table does not.
    """
    table = read_csv(labels)
    table.require([IMAGE, PATIENT])
    patient_of = dict(zip(table.columns[IMAGE], table.columns[PATIENT], strict=True))
    try:
        trained_on = train_list.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"cannot read the training list {train_list}: {error}") from error
    unknown = [image for image in trained_on if image not in patient_of]
    if unknown:
        raise DatasetError(f"{len(unknown)} images of {train_list} are not in {labels}, e.g. '{unknown[0]}'")
    shared = {patient_of[image] for image in trained_on} & {patient_of[image] for image in images}
    if shared:
        example = next(image for image in images if patient_of[image] in shared)
        raise DatasetError(
            f"{len(shared)} patients are on both sides: in {train_list} and among the evaluated images, e.g. that of "
            f"'{example}'; evaluate on patients the model has not seen"
        )
