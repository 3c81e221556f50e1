"""CheXpert Plus (Chambon 2024): the films of CheXpert with their reports in one table, labels by CheXbert beside it.

Labels are those of the impression, as CheXpert's own were, else those of the whole report or of the findings. The 234
films of ``valid`` become the test split. Lateral views are left out.
"""

import json
from pathlib import Path

import pandas as pd

from cxr.datasets.published import CHEXPERT_NAMES, observed_labels, published_dataset, with_validation
from cxr.datasets.schema import Dataset
from cxr.datasets.tables import read_table
from cxr.errors import DatasetError

__all__ = ["read", "recognises"]

_TABLE = "df_chexpert_plus_*.csv"
_COLUMNS = ("path_to_image", "frontal_lateral", "ap_pa", "deid_patient_id", "patient_report_date_order")
_SPLITS = {"train": "train", "valid": "test"}
_SECTIONS = ("impression", "report", "findings")
_LABEL_FOLDERS = ("chexbert_labels", "labels", ".")
_PICTURE_FOLDERS = (".", "PNG", "PNG/PNG", "images")


def recognises(root: Path) -> bool:
    """Whether the folder holds the table of CheXpert Plus."""
    return any(root.glob(_TABLE))


def read(root: Path) -> Dataset:
    """Read the table and one file of labels.

    Raises:
        DatasetError: if there is no file of labels, or one of the two cannot be read.
    """
    table = read_table(max(root.glob(_TABLE)), (*_COLUMNS, "age", "sex", "split"))
    table = table[table["frontal_lateral"] == "Frontal"].reset_index(drop=True)
    section, file = _labels_file(root)
    labels = observed_labels(_observations(file, list(table["path_to_image"])), CHEXPERT_NAMES)
    dicom = table["path_to_dcm"] if "path_to_dcm" in table else pd.Series("", index=table.index)
    years = pd.to_numeric(table["age"], errors="coerce")
    order = pd.to_numeric(table["patient_report_date_order"], errors="coerce")
    records = pd.DataFrame(
        {
            "image": table["path_to_image"],
            "path": [_place(root, name, other) for name, other in zip(table["path_to_image"], dicom, strict=True)],
            "patient": table["deid_patient_id"],
            "follow_up": order.fillna(0).astype(int),
            "age": years.where(years <= 120).astype(float),
            "sex": table["sex"].map({"Male": "M", "Female": "F"}).fillna(""),
            "view": table["ap_pa"].where(table["ap_pa"].isin(["AP", "PA"]), ""),
            "split": table["split"].map(_SPLITS).fillna(""),
        }
    )
    records["split"] = with_validation(records["split"], records["patient"], labels)
    return published_dataset(root, f"CheXpert Plus, labels of the {section}", records, labels)


def _labels_file(root: Path) -> tuple[str, Path]:
    for section in _SECTIONS:
        for folder in _LABEL_FOLDERS:
            if (path := root / folder / f"{section}_fixed.json").is_file():
                return section, path
    raise DatasetError(
        f"{root}: no labels: {_LABEL_FOLDERS[0]}/{_SECTIONS[0]}_fixed.json is not there; download it, or mine the "
        "reports with `cxr dataset build` as data/chexpert.md says"
    )


def _observations(file: Path, images: list[str]) -> pd.DataFrame:
    """The observations of each image in the order of the images; an image without any has nothing."""
    wanted = dict.fromkeys(images)
    with file.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            try:
                row = json.loads(line)
                name = row["path_to_image"]
            except (ValueError, KeyError, TypeError):
                raise DatasetError(f"{file}: line {number} is no JSON object with path_to_image") from None
            if name in wanted:
                wanted[name] = {column: row.get(column) for column in CHEXPERT_NAMES}
    unlabeled = sum(found is None for found in wanted.values())
    if unlabeled:
        raise DatasetError(f"{file}: {unlabeled} of {len(images)} frontal films have no labels; is it of this release?")
    return pd.DataFrame([wanted[name] for name in images])


def _place(root: Path, name: str, dicom: str) -> str:
    """A film lies as JPEG, PNG or DICOM in the folders of whichever part of the release was downloaded."""
    plain = name.rsplit(".", 1)[0]
    for folder in _PICTURE_FOLDERS:
        for suffix in (".jpg", ".png"):
            if (path := root / folder / f"{plain}{suffix}").is_file():
                return str(path)
    for folder in (".", "DICOM"):
        if dicom and (path := root / folder / dicom).is_file():
            return str(path)
    return str(root / name)
