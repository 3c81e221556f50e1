"""CheXpert (Irvin 2019): train.csv, valid.csv, and pictures below train/ and valid/.

The expert-labelled valid.csv becomes the test split. Lateral views are left out.
"""

from pathlib import Path, PurePosixPath

import pandas as pd

from cxr.datasets.published import CHEXPERT_NAMES, observed_labels, published_dataset, with_validation
from cxr.datasets.schema import Dataset
from cxr.datasets.tables import parse_ages, read_table
from cxr.tables import header_of

__all__ = ["read", "recognises"]

_TABLES = {"train.csv": "train", "valid.csv": "test"}
_COLUMNS = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *CHEXPERT_NAMES)


def recognises(root: Path) -> bool:
    """Whether the folder, or the one folder of a release in it, holds a table with CheXpert's columns."""
    return _release(root) is not None


def _release(root: Path) -> Path | None:
    for folder in (root, *sorted(root.glob("CheXpert*"))):
        if "Frontal/Lateral" in header_of(folder / "train.csv"):
            return folder
    return None


def read(root: Path) -> Dataset:
    """Read both tables."""
    root = _release(root) or root
    parts = [
        read_table(root / name, _COLUMNS).assign(split=split)
        for name, split in _TABLES.items()
        if (root / name).is_file()
    ]
    table = pd.concat(parts, ignore_index=True)
    table = table[table["Frontal/Lateral"] == "Frontal"].reset_index(drop=True)
    # Paths begin with the name of the release, whatever the folder is called here.
    inside = [PurePosixPath(*PurePosixPath(path).parts[1:]) for path in table["Path"]]
    labels = observed_labels(table, CHEXPERT_NAMES)
    records = pd.DataFrame(
        {
            "image": [str(path) for path in inside],
            "path": [str(root / path) for path in inside],
            "patient": [path.parts[1] for path in inside],
            "follow_up": [int(path.parts[2].removeprefix("study")) - 1 for path in inside],
            "age": parse_ages(table["Age"]),
            "sex": table["Sex"].str[:1].where(table["Sex"].isin(["Male", "Female"]), ""),
            "view": table["AP/PA"],
        }
    )
    records["split"] = with_validation(table["split"], records["patient"], labels)
    return published_dataset(root, "CheXpert", records, labels)
