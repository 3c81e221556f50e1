"""PadChest (Bustos 2020): one table of images with lists of radiographic findings; no published split.

Frontal projections (PA, AP, AP_horizontal) of adults and children are kept; the split is by patient with a fixed seed.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from cxr.datasets.published import SEED, published_dataset
from cxr.datasets.schema import Dataset
from cxr.datasets.splits import DEFAULT_FRACTIONS, assign_splits
from cxr.datasets.tables import read_table
from nlp_labeler.findings import LABELS

__all__ = ["read", "recognises"]

_TABLE = "PADCHEST_chest_x_ray_images_labels*.csv*"
_COLUMNS = (
    "ImageID",
    "ImageDir",
    "StudyDate_DICOM",
    "PatientID",
    "PatientBirth",
    "PatientSex_DICOM",
    "Projection",
    "Labels",
)
_VIEWS = {"PA": "PA", "AP": "AP", "AP_horizontal": "AP"}
_NAMES = {
    "atelectasis": "Atelectasis",
    "laminar atelectasis": "Atelectasis",
    "lobar atelectasis": "Atelectasis",
    "cardiomegaly": "Cardiomegaly",
    "pleural effusion": "Effusion",
    "infiltrates": "Infiltration",
    "mass": "Mass",
    "pulmonary mass": "Mass",
    "nodule": "Nodule",
    "pneumonia": "Pneumonia",
    "pneumothorax": "Pneumothorax",
    "consolidation": "Consolidation",
    "pulmonary edema": "Edema",
    "emphysema": "Emphysema",
    "pulmonary fibrosis": "Fibrosis",
    "pleural thickening": "Pleural_Thickening",
    "hiatal hernia": "Hernia",
}


def recognises(root: Path) -> bool:
    """Whether the folder holds PadChest's label table."""
    return any(root.glob(_TABLE))


def read(root: Path) -> Dataset:
    """Read the label table; images whose report could not be read ("unknown") have unknown labels."""
    table = read_table(min(root.glob(_TABLE)), _COLUMNS)
    table = table[table["Projection"].isin(list(_VIEWS))].reset_index(drop=True)
    found = [set(re.findall(r"'\s*([^']+?)\s*'", text)) for text in table["Labels"]]
    labels = pd.DataFrame(0, index=table.index, columns=list(LABELS), dtype=np.float32)
    for row, names in enumerate(found):
        for label in {_NAMES[name] for name in names if name in _NAMES}:
            labels.at[row, label] = 1
    labels[[not names or "unknown" in names or "exclude" in names for names in found]] = np.nan
    years = pd.to_numeric(table["StudyDate_DICOM"].str[:4], errors="coerce")
    born = pd.to_numeric(table["PatientBirth"], errors="coerce")
    records = pd.DataFrame(
        {
            "image": table["ImageID"],
            "path": [
                _place(root, folder, name) for folder, name in zip(table["ImageDir"], table["ImageID"], strict=True)
            ],
            "patient": table["PatientID"],
            "follow_up": (table.groupby("PatientID")["StudyDate_DICOM"].rank(method="dense") - 1).astype(int),
            "age": (years - born).astype(float),
            "sex": table["PatientSex_DICOM"].where(table["PatientSex_DICOM"].isin(["M", "F"]), ""),
            "view": table["Projection"].map(_VIEWS),
            "split": assign_splits(list(table["PatientID"]), labels.to_numpy(), DEFAULT_FRACTIONS, SEED),
        }
    )
    return published_dataset(root, "PadChest", records, labels)


def _place(root: Path, folder: str, name: str) -> str:
    """Pictures lie in the numbered folders of the release, or all together."""
    numbered = root / folder / name
    return str(numbered if numbered.exists() else root / name)
