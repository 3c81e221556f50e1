"""BRAX (Reis 2022): one table of films of a Brazilian hospital, with the observations of the CheXpert labeler.

Frontal views (PA, AP) are kept; there is no published split, so it is by patient with a fixed seed.
"""

from pathlib import Path

import pandas as pd

from cxr.datasets.published import CHEXPERT_NAMES, SEED, observed_labels, published_dataset
from cxr.datasets.schema import Dataset
from cxr.datasets.splits import DEFAULT_FRACTIONS, assign_splits
from cxr.datasets.tables import find_table, read_table
from cxr.errors import DatasetError

__all__ = ["read", "recognises"]

_TABLES = ("master_spreadsheet_update.csv", "master_spreadsheet.csv")
_COLUMNS = ("PngPath", "PatientID", "PatientSex", "PatientAge", "StudyDate", "ViewPosition", *CHEXPERT_NAMES)
_FRONTAL = ("PA", "AP")


def recognises(root: Path) -> bool:
    """Whether the folder holds BRAX's table."""
    return find_table(root, *_TABLES) is not None


def read(root: Path) -> Dataset:
    """Read the table; a film without its PNG file is looked for as DICOM."""
    found = find_table(root, *_TABLES)
    if found is None:
        raise DatasetError(f"{root}: none of {', '.join(_TABLES)} is there")
    table = read_table(found, _COLUMNS)
    table = table[table["ViewPosition"].isin(_FRONTAL)].reset_index(drop=True)
    labels = observed_labels(table, CHEXPERT_NAMES)
    dicom = table["DicomPath"] if "DicomPath" in table else table["PngPath"]
    records = pd.DataFrame(
        {
            "image": table["PngPath"],
            "path": [_place(root, png, other) for png, other in zip(table["PngPath"], dicom, strict=True)],
            "patient": table["PatientID"],
            "follow_up": (table.groupby("PatientID")["StudyDate"].rank(method="dense") - 1).astype(int),
            # Groups of five years, the last one "85 or more".
            "age": pd.to_numeric(table["PatientAge"].str.extract(r"(\d+)")[0], errors="coerce").astype(float),
            "sex": table["PatientSex"].where(table["PatientSex"].isin(["M", "F"]), ""),
            "view": table["ViewPosition"],
            "split": assign_splits(list(table["PatientID"]), labels.to_numpy(), DEFAULT_FRACTIONS, SEED),
        }
    )
    return published_dataset(root, "BRAX", records, labels)


def _place(root: Path, png: str, dicom: str) -> str:
    return str(root / (png if (root / png).is_file() or not (root / dicom).is_file() else dicom))
