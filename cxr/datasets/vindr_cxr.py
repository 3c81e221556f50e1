"""VinDr-CXR (Nguyen 2022): DICOM files in train/ and test/, image labels and boxes by radiologists.

A training image has the labels that at least two of its three readers gave; the test labels are a consensus already.
The release names no patients, so every image stands for its own; near-duplicates are for ``cxr dataset check`` to find.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr.datasets.published import published_dataset, with_validation
from cxr.datasets.schema import BOX_COLUMNS, Dataset
from cxr.datasets.tables import find_table, read_table
from nlp_labeler.findings import LABELS

__all__ = ["VINDR_NAMES", "read", "recognises"]

VINDR_NAMES = {
    "Atelectasis": "Atelectasis",
    "Cardiomegaly": "Cardiomegaly",
    "Pleural effusion": "Effusion",
    "Infiltration": "Infiltration",
    "Nodule/Mass": "Nodule",
    "Pneumonia": "Pneumonia",
    "Pneumothorax": "Pneumothorax",
    "Consolidation": "Consolidation",
    "Edema": "Edema",
    "Emphysema": "Emphysema",
    "Pulmonary fibrosis": "Fibrosis",
    "Pleural thickening": "Pleural_Thickening",
}
"""Class of VinDr-CXR -> label column."""

_CORNERS = ["x_min", "y_min", "x_max", "y_max"]
_MAJORITY = 0.5


def recognises(root: Path) -> bool:
    """Whether the folder holds VinDr-CXR's image labels."""
    return find_table(root, "image_labels_train.csv", "annotations/image_labels_train.csv") is not None


def read(root: Path) -> Dataset:
    """Read image labels and boxes of both splits."""
    labels, boxes = [], []
    for split in ("train", "test"):
        table = find_table(root, f"image_labels_{split}.csv", f"annotations/image_labels_{split}.csv")
        if table is not None:
            labels.append(_votes(read_table(table, ("image_id",))).assign(split=split))
        marks = find_table(root, f"annotations_{split}.csv", f"annotations/annotations_{split}.csv")
        if marks is not None:
            boxes.append(_boxes(read_table(marks, ("image_id", "class_name", *_CORNERS))))
    votes = pd.concat(labels).reset_index()
    space = votes[list(LABELS)].astype(np.float32)
    names, splits = votes["image_id"], votes["split"]
    records = pd.DataFrame(
        {
            "image": names,
            "path": [str(root / split / f"{name}.dicom") for name, split in zip(names, splits, strict=True)],
            "patient": names,
            "split": with_validation(splits, names, space),
        }
    )
    return published_dataset(root, "VinDr-CXR", records, space, pd.concat(boxes, ignore_index=True) if boxes else None)


def _votes(table: pd.DataFrame) -> pd.DataFrame:
    """One row per image: 1 where more than half of its readers gave the label."""
    given = [name for name in VINDR_NAMES if name in table]
    numbers = table[given].apply(pd.to_numeric, errors="coerce").fillna(0)
    share = numbers.groupby(table["image_id"]).mean()
    return (share > _MAJORITY).astype(np.float32).rename(columns=VINDR_NAMES).reindex(columns=list(LABELS))


def _boxes(table: pd.DataFrame) -> pd.DataFrame:
    """Corners -> boxes of the labels in the space; images without findings have no corners."""
    table = table[table["class_name"].isin(list(VINDR_NAMES)) & (table["x_min"] != "")]
    corners = table[_CORNERS].astype(float)
    return pd.DataFrame(
        dict(
            zip(
                BOX_COLUMNS,
                (
                    table["image_id"],
                    table["class_name"].map(VINDR_NAMES),
                    corners["x_min"],
                    corners["y_min"],
                    corners["x_max"] - corners["x_min"],
                    corners["y_max"] - corners["y_min"],
                ),
                strict=True,
            )
        )
    ).reset_index(drop=True)
