"""MIMIC-CXR-JPG 2.x (Johnson 2019): three tables and files/pNN/pSUBJECT/sSTUDY/DICOM.jpg.

Its own split is taken; lateral views are left out. Labels are those of the CheXpert labeler.
"""

from pathlib import Path

import pandas as pd

from cxr.datasets.published import CHEXPERT_NAMES, observed_labels, published_dataset
from cxr.datasets.schema import Dataset
from cxr.datasets.tables import find_table, read_table
from cxr.errors import DatasetError

__all__ = ["read", "recognises"]

_SPLITS = {"train": "train", "validate": "val", "test": "test"}
_FRONTAL = ("AP", "PA")
_NAMES = ("chexpert", "split", "metadata")


def _table(root: Path, name: str) -> Path | None:
    versions = sorted(path.name.removesuffix(".gz") for path in root.glob(f"mimic-cxr-2.*-{name}.csv*"))
    return find_table(root, *reversed(versions)) if versions else None


def recognises(root: Path) -> bool:
    """Whether the folder holds the split table of a MIMIC-CXR-JPG release."""
    return _table(root, "split") is not None


def read(root: Path) -> Dataset:
    """Read the tables.

    Raises:
        DatasetError: if one of the three tables is missing or lacks a column.
    """
    paths = {name: _table(root, name) for name in _NAMES}
    missing = [name for name, path in paths.items() if path is None]
    if missing:
        raise DatasetError(f"{root}: the table mimic-cxr-2.*-{missing[0]}.csv is missing")
    columns = {
        "chexpert": ("subject_id", "study_id", *CHEXPERT_NAMES),
        "split": ("dicom_id", "study_id", "subject_id", "split"),
        "metadata": ("dicom_id", "ViewPosition", "StudyDate"),
    }
    observed, split, metadata = (read_table(path, columns[name]) for name, path in paths.items() if path)
    table = split.merge(metadata[list(columns["metadata"])], on="dicom_id", validate="one_to_one")
    table = table[table["ViewPosition"].isin(_FRONTAL)].merge(observed.drop(columns="subject_id"), on="study_id")
    subject, study = "p" + table["subject_id"], "s" + table["study_id"]
    folder = subject.str[:3] + "/" + subject + "/" + study
    records = pd.DataFrame(
        {
            "image": table["dicom_id"],
            "path": [
                str(root / "files" / place / f"{name}.jpg")
                for place, name in zip(folder, table["dicom_id"], strict=True)
            ],
            "patient": subject,
            "follow_up": (table.groupby("subject_id")["StudyDate"].rank(method="dense") - 1).astype(int),
            "view": table["ViewPosition"],
            "split": table["split"].map(_SPLITS).fillna(""),
        }
    )
    return published_dataset(root, "MIMIC-CXR-JPG", records, observed_labels(table, CHEXPERT_NAMES))
