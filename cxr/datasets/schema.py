"""The dataset as the rest of the project sees it, and the columns of the ChestX-ray8 tables (Wang 2017)."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr.errors import DatasetError
from cxr.tables import findings_of
from nlp_labeler.findings import FindingTable

__all__ = [
    "BOX_COLUMNS",
    "BOX_HEADER",
    "ENTRY_COLUMNS",
    "RECORD_COLUMNS",
    "SPLITS",
    "Dataset",
    "empty_boxes",
    "split_labels",
]

SPLITS = ("train", "val", "test")
"""Names of the splits."""

RECORD_COLUMNS = ("image", "path", "patient", "follow_up", "age", "sex", "view", "split")
"""Columns of :attr:`Dataset.records` before the label columns."""

BOX_COLUMNS = ("image", "label", "x", "y", "width", "height")
"""Columns of :attr:`Dataset.boxes`."""

ENTRY_COLUMNS = (
    "Image Index",
    "Finding Labels",
    "Follow-up #",
    "Patient ID",
    "Patient Age",
    "Patient Gender",
    "View Position",
    "OriginalImage[Width",
    "Height]",
    "OriginalImagePixelSpacing[x",
    "y]",
)
"""Header of Data_Entry.csv as published; two names are cut at their comma there."""

BOX_HEADER = ("Image Index", "Finding Label", "Bbox [x", "y", "w", "h]", "", "", "")
"""Header of BBox_List.csv as published, with its three empty columns."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images, labels and boxes of one dataset, or of some of its splits.

    Attributes:
        root: folder it was read from.
        name: short name for tables.
        label_space: label columns of ``records``, in order.
        records: one row per image: ``image`` (its name in the label table), ``path`` (absolute; empty where only the
            table is at hand), ``patient``, ``follow_up``, ``age`` in years, ``sex`` ("M", "F" or ""), ``view`` ("PA",
            "AP" or ""), ``split`` (one of :data:`SPLITS`, or "" where the source names none), and one float32 column
            per label: 1 present, 0 absent, -1 uncertain, NaN unknown.
        boxes: one row per box: ``image``, ``label``, ``x``, ``y``, ``width``, ``height`` in pixels of the file.
        reports: one row per image with its report and what was mined from it, or ``None``.
        findings: the label space where it is the user's own; ``None`` where it is the shipped one.
    """

    root: Path
    name: str
    label_space: tuple[str, ...]
    records: pd.DataFrame
    boxes: pd.DataFrame
    reports: pd.DataFrame | None = None
    findings: FindingTable | None = None

    def __post_init__(self) -> None:
        missing = [c for c in (*RECORD_COLUMNS, *self.label_space) if c not in self.records]
        if missing:
            raise DatasetError(f"{self.root}: the records lack the column {missing[0]!r}")
        if self.records["image"].duplicated().any():
            twice = self.records.loc[self.records["image"].duplicated(), "image"].iloc[0]
            raise DatasetError(f"{self.root}: image {twice} is listed twice")

    def __len__(self) -> int:
        return len(self.records)

    def subset(self, split: str) -> "Dataset":
        """The rows of one split.

        Raises:
            DatasetError: if it has none.
        """
        if not (chosen := self.records["split"] == split).any():
            found = sorted(set(self.records["split"]) - {""})
            raise DatasetError(
                f"{self.root}: no images in split {split!r}; its splits are {', '.join(found) or 'none'}"
            )
        return self.where(chosen)

    def present(self) -> tuple["Dataset", list[str]]:
        """The rows whose files are there, and the images of the others: a partial download."""
        there = self.records["path"].map(os.path.isfile).astype(bool)
        return self.where(there), list(self.records.loc[~there, "image"])

    def where(self, chosen: pd.Series) -> "Dataset":
        """The rows for which ``chosen`` is true, with their boxes and reports."""
        records = self.records[chosen].reset_index(drop=True)
        reports = self.reports
        if reports is not None:
            reports = reports[reports["image"].isin(records["image"])].reset_index(drop=True)
        boxes = self.boxes[self.boxes["image"].isin(records["image"])].reset_index(drop=True)
        return replace(self, records=records, boxes=boxes, reports=reports)

    def labels(self) -> NDArray[np.float32]:
        """(N, L) labels in the order of ``label_space``: 1, 0, -1 uncertain, NaN unknown."""
        return self.records[list(self.label_space)].to_numpy(np.float32)


def empty_boxes() -> pd.DataFrame:
    """A box table without rows."""
    kinds = {name: str if name in {"image", "label"} else np.float64 for name in BOX_COLUMNS}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})


def split_labels(joined: pd.Series, label_space: tuple[str, ...], table: Path) -> pd.DataFrame:
    """The Finding Labels column -> one float32 column per label.

    Args:
        joined: labels of each image joined with ``|``; ``No Finding`` is none, and of an image with an empty cell
            all labels are unknown.
        label_space: labels to look for.
        table: where the column stands, for messages.

    Raises:
        DatasetError: if a cell names an unknown finding, or one beside ``No Finding``.
    """
    found = {cell: findings_of(cell, str(table)) for cell in joined.unique()}
    values = {
        label: joined.map({cell: float(label in names) if cell else np.nan for cell, names in found.items()})
        for label in label_space
    }
    return pd.DataFrame(values, dtype=np.float32, index=joined.index)
