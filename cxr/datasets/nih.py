"""NIH ChestX-ray14 (Wang 2017, release v2020): the folder as published, and a subset of it listed in an index.csv.

Published are Data_Entry_2017_v2020.csv, BBox_List_2017.csv, train_val_list.txt, test_list.txt (each also as .gz) and
the pictures in images/ or images_001/images/ ... images_012/images/. Validation patients are carved out of train_val
by patient, always the same ones.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cxr.datasets.schema import BOX_COLUMNS, ENTRY_COLUMNS, Dataset, empty_boxes, split_labels
from cxr.datasets.splits import assign_splits
from cxr.datasets.tables import entry_records, find_table, parse_ages, read_boxes, read_list, read_table
from cxr.errors import DatasetError
from cxr.tables import header_of
from nlp_labeler.findings import LABELS

__all__ = ["read_official", "read_subset", "recognises_official", "recognises_subset"]

VALIDATION_SHARE = 0.12
VALIDATION_SEED = 2017
# The box list abbreviates one label.
_BOX_LABELS = {"Infiltrate": "Infiltration"}
_BOX_SIDE = 1024  # boxes are in pixels of the published 1024 x 1024 pictures
_ENTRY_FILES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
_INDEX_COLUMNS = ("file", "image_index", "patient_id", "followup", "age", "sex", "view", "labels", "split")


def recognises_subset(root: Path) -> bool:
    """Whether the folder is a subset with an index.csv that names image_index and labels."""
    return header_of(root / "index.csv").issuperset(_INDEX_COLUMNS)


def recognises_official(root: Path) -> bool:
    """Whether the folder holds the published label table."""
    return find_table(root, *_ENTRY_FILES) is not None


def read_subset(root: Path) -> Dataset:
    """Read a subset: its split train_val becomes train and val, every other (test_dev) becomes test."""
    index = read_table(root / "index.csv", _INDEX_COLUMNS)
    records = pd.DataFrame(
        {
            "image": index["image_index"],
            "path": [str(root / name) for name in index["file"]],
            "patient": index["patient_id"],
            "follow_up": pd.to_numeric(index["followup"], errors="coerce").fillna(0).astype(int),
            "age": parse_ages(index["age"]),
            "sex": index["sex"],
            "view": index["view"],
        }
    )
    records = pd.concat([records, split_labels(index["labels"], LABELS, root / "index.csv")], axis=1)
    records["split"] = _with_validation(records, index["split"] == "train_val")
    return Dataset(root, "NIH subset", LABELS, records, _subset_boxes(index, records))


def read_official(root: Path) -> Dataset:
    """Read the published folder; without any picture the label table alone is read, with empty paths."""
    entry_file = find_table(root, *_ENTRY_FILES)
    if entry_file is None:
        raise DatasetError(f"{root}: none of {', '.join(_ENTRY_FILES)} is there")
    entries = read_table(entry_file, ENTRY_COLUMNS[:7])
    pictures = _find_pictures(root)
    elsewhere = str(root / "images" / "{}") if pictures else ""
    records = entry_records(entries, lambda name: pictures.get(name, elsewhere.format(name)))
    records = pd.concat([records, split_labels(entries["Finding Labels"], LABELS, entry_file)], axis=1)
    records["split"] = _official_splits(root, records)
    return Dataset(root, "NIH ChestX-ray14", LABELS, records, _official_boxes(root, records))


def _with_validation(records: pd.DataFrame, is_train_val: pd.Series) -> pd.Series:
    """Names of the splits, with the validation patients taken out of train_val."""
    splits = pd.Series("test", index=records.index)
    train_val = records[is_train_val]
    if train_val["patient"].nunique() < 1 / VALIDATION_SHARE:
        splits[is_train_val] = "train"  # too few to spare any
    else:
        shares = {"train": 1 - VALIDATION_SHARE, "val": VALIDATION_SHARE}
        labels = train_val[list(LABELS)].to_numpy(np.float32)
        splits[is_train_val] = assign_splits(list(train_val["patient"]), labels, shares, VALIDATION_SEED)
    return splits


def _official_splits(root: Path, records: pd.DataFrame) -> pd.Series:
    """Splits by the published lists; images on no list have none."""
    train_val, test = find_table(root, "train_val_list.txt"), find_table(root, "test_list.txt")
    if train_val is None or test is None:
        return pd.Series("", index=records.index)
    in_train_val = records["image"].isin(read_list(train_val))
    splits = _with_validation(records, in_train_val)
    return splits.where(in_train_val | records["image"].isin(read_list(test)), "")


def _find_pictures(root: Path) -> dict[str, str]:
    """Name -> path of every picture in images/ and images_*/images/."""
    folders = [root / "images", *sorted(root.glob("images_*/images"))]
    return {path.name: str(path) for folder in folders if folder.is_dir() for path in folder.glob("*.png")}


def _subset_boxes(index: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Boxes of a subset, from the JSON lists of its index to pixels of its smaller files."""
    rows = []
    listed = index["boxes_1024_xywh"] if "boxes_1024_xywh" in index else [""] * len(index)
    for image, path, boxes in zip(records["image"], records["path"], listed, strict=True):
        if boxes and (scale := _scale(path)):
            across, down = scale
            for label, x, y, width, height in json.loads(boxes):
                name = _BOX_LABELS.get(label, label)
                rows.append((image, name, x * across, y * down, width * across, height * down))
    return pd.DataFrame(rows, columns=list(BOX_COLUMNS)) if rows else empty_boxes()


def _official_boxes(root: Path, records: pd.DataFrame) -> pd.DataFrame:
    """The published box list, for the images at hand."""
    path = find_table(root, "BBox_List_2017.csv")
    if path is None:
        return empty_boxes()
    table = read_boxes(path)
    table = table[table["image"].isin(records["image"])].reset_index(drop=True)
    table["label"] = table["label"].replace(_BOX_LABELS)
    return table


def _scale(path: str) -> tuple[float, float] | None:
    """Pixels of a file per pixel of the published picture, across and down; ``None`` where it is missing or damaged.

    Whoever reads the picture tells so; its boxes are of no use without it.
    """
    try:
        with Image.open(path) as picture:
            return picture.width / _BOX_SIDE, picture.height / _BOX_SIDE
    except OSError:
        return None
