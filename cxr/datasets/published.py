"""What the readers of published datasets share: label columns, frontal views, validation patients."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cxr.datasets.schema import RECORD_COLUMNS, Dataset, empty_boxes
from cxr.datasets.splits import assign_splits
from cxr.errors import DatasetError
from nlp_labeler.findings import LABELS

__all__ = ["CHEXPERT_NAMES", "observed_labels", "published_dataset", "with_validation"]

VALIDATION = {"train": 0.9, "val": 0.1}
SEED = 2017

CHEXPERT_NAMES: Mapping[str, str] = {
    "Atelectasis": "Atelectasis",
    "Cardiomegaly": "Cardiomegaly",
    "Consolidation": "Consolidation",
    "Edema": "Edema",
    "Pleural Effusion": "Effusion",
    "Pneumonia": "Pneumonia",
    "Pneumothorax": "Pneumothorax",
}
"""Observations of CheXpert and MIMIC-CXR (Irvin 2019) -> label columns."""


def observed_labels(table: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Columns with 1, 0, -1 or nothing -> label columns; nothing is absent, a label without a column unknown.

    Args:
        table: with the columns that ``names`` maps.
        names: column -> label.
    """
    labels = pd.DataFrame(np.float32(np.nan), index=table.index, columns=list(LABELS))
    for column, label in names.items():
        labels[label] = pd.to_numeric(table[column], errors="coerce").fillna(0).astype(np.float32)
    return labels


def with_validation(splits: pd.Series, patients: pd.Series, labels: pd.DataFrame) -> pd.Series:
    """The splits with a tenth of the training patients made validation patients, always the same ones."""
    train = splits == "train"
    if patients[train].nunique() * VALIDATION["val"] < 1:
        return splits
    drawn = assign_splits(list(patients[train]), labels[train].to_numpy(np.float32), VALIDATION, SEED)
    return splits.mask(train, pd.Series(drawn, index=splits.index[train]))


def published_dataset(
    root: Path, name: str, records: pd.DataFrame, labels: pd.DataFrame, boxes: pd.DataFrame | None = None
) -> Dataset:
    """Put records and labels together; columns that the source does not have are empty.

    Raises:
        DatasetError: if there are no rows.
    """
    if records.empty:
        raise DatasetError(f"{root}: {name} without a frontal image")
    known = labels.columns[labels.notna().any()]
    complete = records.copy()
    defaults: tuple[tuple[str, str | float], ...] = (
        ("follow_up", 0),
        ("age", np.nan),
        ("sex", ""),
        ("view", ""),
        ("split", ""),
    )
    for column, value in defaults:
        if column not in complete:
            complete[column] = value
    complete = pd.concat([complete[list(RECORD_COLUMNS)], labels[known]], axis="columns")
    boxes = empty_boxes() if boxes is None else boxes
    return Dataset(root, name, tuple(known), complete.reset_index(drop=True), boxes)
