"""OpenI's films and reports as Kaggle packs them: indiana_reports.csv, indiana_projections.csv (Demner-Fushman 2016).

Only frontal projections are kept. Labels are the major headings that people gave the reports, so that what is not coded
counts as absent; reports that were not indexed have unknown labels. Each report is of another patient.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr.datasets.published import SEED, published_dataset
from cxr.datasets.schema import Dataset
from cxr.datasets.splits import DEFAULT_FRACTIONS, assign_splits
from cxr.datasets.tables import read_table
from nlp_labeler.findings import LABELS

__all__ = ["read", "recognises"]

_REPORTS, _PROJECTIONS = "indiana_reports.csv", "indiana_projections.csv"
_FOLDERS = ("images/images_normalized", "images", ".")
_HEADINGS = {
    "Pulmonary Atelectasis": "Atelectasis",
    "Cardiomegaly": "Cardiomegaly",
    "Pleural Effusion": "Effusion",
    "Infiltrate": "Infiltration",
    "Mass": "Mass",
    "Nodule": "Nodule",
    "Pneumonia": "Pneumonia",
    "Pneumothorax": "Pneumothorax",
    "Hydropneumothorax": "Pneumothorax",
    "Consolidation": "Consolidation",
    "Pulmonary Edema": "Edema",
    "Emphysema": "Emphysema",
    "Pulmonary Emphysema": "Emphysema",
    "Bullous Emphysema": "Emphysema",
    "Pulmonary Fibrosis": "Fibrosis",
    "Thickening/pleura": "Pleural_Thickening",
    "Hernia, Hiatal": "Hernia",
}
_NOT_CODED = {"", "No Indexing", "Technical Quality of Image Unsatisfactory"}


def recognises(root: Path) -> bool:
    """Whether the folder holds both tables."""
    return (root / _REPORTS).is_file() and (root / _PROJECTIONS).is_file()


def read(root: Path) -> Dataset:
    """Read both tables."""
    reports = read_table(root / _REPORTS, ("uid", "MeSH")).drop_duplicates("uid")
    films = read_table(root / _PROJECTIONS, ("uid", "filename", "projection"))
    table = films[films["projection"] == "Frontal"].merge(reports, on="uid", validate="many_to_one")
    labels = pd.DataFrame(0, index=table.index, columns=list(LABELS), dtype=np.float32)
    for row, headings in enumerate(table["MeSH"].str.split(";")):
        coded = {heading.strip() for heading in headings}
        if coded <= _NOT_CODED:
            labels.loc[row] = np.nan
        for label in {_label(heading) for heading in coded} - {""}:
            labels.at[row, label] = 1
    folder = next((place for place in _FOLDERS if any((root / place).glob("*.png"))), _FOLDERS[0])
    records = pd.DataFrame(
        {
            "image": table["filename"],
            "path": [str(root / folder / name) for name in table["filename"]],
            "patient": table["uid"],
            "split": assign_splits(list(table["uid"]), labels.to_numpy(), DEFAULT_FRACTIONS, SEED),
        }
    )
    return published_dataset(root, "OpenI", records, labels)


def _label(heading: str) -> str:
    """The label of a heading with its qualifiers, as in Thickening/pleura/left; "" where it has none."""
    parts = heading.split("/")
    return _HEADINGS.get("/".join(parts[:2])) or _HEADINGS.get(parts[0], "")
