"""The ChestX-ray8-style folder that ``cxr dataset build`` writes, read back.

::

    images/              pictures under the names of the label table
    Data_Entry.csv       the published columns; Finding Labels holds what the reports affirm
    BBox_List.csv        the published columns; may have no rows
    train_list.txt  val_list.txt  test_list.txt
    reports.parquet      optional: text and mined labels, with 0 (negated), -1 (uncertain) and evidence
    labels.json          the label space, where it is not the shipped one
    README.md            dataset card
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr.datasets.schema import ENTRY_COLUMNS, SPLITS, Dataset, empty_boxes, split_labels
from cxr.datasets.tables import entry_records, read_boxes, read_list, read_table
from cxr.errors import DatasetError
from cxr.tables import label_space_beside
from nlp_labeler.findings import LABELS

__all__ = ["BOX_FILE", "ENTRY_FILE", "IMAGE_FOLDER", "REFUSED_FILE", "REPORT_FILE", "read", "recognises", "split_file"]

ENTRY_FILE = "Data_Entry.csv"
BOX_FILE = "BBox_List.csv"
REPORT_FILE = "reports.parquet"
REFUSED_FILE = "refused.csv"
IMAGE_FOLDER = "images"


def split_file(split: str) -> str:
    """Name of the file that lists the images of a split."""
    return f"{split}_list.txt"


def recognises(root: Path) -> bool:
    """Whether the folder holds a label table under the name this project gives it."""
    return (root / ENTRY_FILE).is_file()


def read(root: Path) -> Dataset:
    """Read the tables of a folder.

    A finding that a report does not mention counts as absent, as in ChestX-ray8. An image whose report could not be
    labeled has unknown labels.

    Raises:
        DatasetError: if a table is missing, lacks a column or contradicts another.
    """
    entries = read_table(root / ENTRY_FILE, ENTRY_COLUMNS[:7])
    records = entry_records(entries, lambda name: str(root / IMAGE_FOLDER / name))
    records["split"] = _splits(root, entries["Image Index"])
    reports, findings = _reports(root), label_space_beside(root / ENTRY_FILE)
    names = findings.names if findings else LABELS
    labels = (
        split_labels(entries["Finding Labels"], names, root / ENTRY_FILE)
        if reports is None
        else _mined(reports, records["image"], names)
    )
    return Dataset(root, root.name, names, pd.concat([records, labels], axis=1), _boxes(root), reports, findings)


def _splits(root: Path, images: pd.Series) -> pd.Series:
    split_of: dict[str, str] = {}
    for split in SPLITS:
        path = root / split_file(split)
        for image in read_list(path) if path.is_file() else ():
            if split_of.setdefault(image, split) != split:
                raise DatasetError(f"{path}: image {image} is listed in {split_file(split_of[image])} too")
    unknown = set(split_of) - set(images)
    if unknown:
        raise DatasetError(f"{root}: the split lists name {min(unknown)}, which {ENTRY_FILE} does not list")
    return images.map(split_of).fillna("")


def _reports(root: Path) -> pd.DataFrame | None:
    path = root / REPORT_FILE
    if not path.is_file():
        return None
    try:
        return pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise DatasetError(f"{path}: cannot be read as Parquet ({type(error).__name__})") from None


def _mined(reports: pd.DataFrame, images: pd.Series, label_space: tuple[str, ...]) -> pd.DataFrame:
    """Mined labels in the order of ``images``; unmentioned is absent, unlabeled is unknown."""
    by_image = reports.set_index("image").reindex(images)
    labels = by_image[list(label_space)].astype(np.float32).fillna(np.float32(0))
    labels[by_image["status"] != "ok"] = np.nan
    return labels.reset_index(drop=True)


def _boxes(root: Path) -> pd.DataFrame:
    path = root / BOX_FILE
    return read_boxes(path) if path.is_file() else empty_boxes()
