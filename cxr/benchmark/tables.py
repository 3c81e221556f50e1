"""The two tables of a benchmark, predictions and labels, joined and checked before any figure is computed."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr.errors import DatasetError
from cxr.evaluation.subgroups import age_band
from cxr.imaging.dicom_header import age_in_years
from cxr.tables import IMAGE, PATIENT, TRUE_LABELS, CsvTable, findings_of, label_space_beside, probabilities, read_csv

__all__ = ["LabeledPredictions", "join", "refuse_shared_patients"]

_LOG = logging.getLogger(__name__)

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


def _label_matrix(table: CsvTable, rows: Sequence[int], names: Sequence[str]) -> NDArray[np.float64]:
    """(rows, names) from the `Finding Labels` cells."""
    labels = np.zeros((len(rows), len(names)))
    for i, row in enumerate(rows):
        cell, where = table.columns[TRUE_LABELS][row], f"{table.path}: {table.columns[IMAGE][row]}"
        found = findings_of(cell, where)
        labels[i] = [name in found for name in names]
    return labels


def _attribute(name: str, cells: Sequence[str]) -> tuple[str, ...]:
    if name != "age":
        return tuple(cells)
    ages = (age_in_years(cell, bare_number=True) for cell in cells)
    return tuple(age_band(np.nan if age is None else age) for age in ages)


def join(predictions: Path, labels: Path) -> LabeledPredictions:
    """Predictions with the labels of the official table, or of the Data_Entry.csv of a built dataset.

    Labeled images without a prediction are left out, and so, with a warning, are images whose labels are blank: nobody
    knows whether they have a finding.

    Args:
        predictions: `Image Index` and `prob_NAME` columns.
        labels: `Image Index`, `Finding Labels`, `Patient ID`; `Patient Gender`, `Patient Age`, `View Position` and
            `Hospital` are used for subgroups where they are there.

    Raises:
        DatasetError: with one line, for anything in either table that would make a figure wrong.
    """
    label_space_beside(labels)
    predicted = read_csv(predictions)
    names, values = probabilities(predicted)
    images = tuple(predicted.columns[IMAGE])
    table = read_csv(labels)
    table.require([IMAGE, TRUE_LABELS, PATIENT])
    table.require_unique(IMAGE)
    row_of = {image: row for row, image in enumerate(table.columns[IMAGE])}
    unlabeled = [image for image in images if image not in row_of]
    if unlabeled:
        raise DatasetError(
            f"{len(unlabeled)} of {len(images)} images in {predictions} are not in {labels}, e.g. '{unlabeled[0]}'"
        )
    rows = [row_of[image] for image in images]
    labeled = [bool(table.columns[TRUE_LABELS][row]) for row in rows]
    if not any(labeled):
        raise DatasetError(
            f"{labels}: no image of {predictions} has {TRUE_LABELS}; an image without disease needs 'No Finding'"
        )
    if not all(labeled):
        _LOG.warning("%s: left out %d images without %s: not labeled", labels, labeled.count(False), TRUE_LABELS)
        images, rows, values = tuple(compress(images, labeled)), list(compress(rows, labeled)), values[labeled]

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
        probabilities=values,
        attributes={
            name: _attribute(name, cells(column)) for name, column in _ATTRIBUTES.items() if column in table.columns
        },
    )


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
