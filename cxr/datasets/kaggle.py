"""Competitions and samples as Kaggle packs them: RSNA pneumonia (Shih 2019), VinBigData (Nguyen 2022), the NIH sample.

- RSNA: stage_2_train_labels.csv, stage_2_train_images/ID.dcm. Only Pneumonia is known; boxes are of opacities.
- VinBigData: train.csv with one row per reader and box, train/ID.dicom or .png. A film has the labels that most of its
  readers gave.
- NIH sample: sample_labels.csv, and pictures in images/ or sample/images/.

RSNA and VinBigData name no patients: every film stands for its own, and ``cxr dataset check`` finds copies.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr.datasets.published import SEED, published_dataset
from cxr.datasets.schema import BOX_COLUMNS, ENTRY_COLUMNS, Dataset, split_labels
from cxr.datasets.splits import DEFAULT_FRACTIONS, assign_splits
from cxr.datasets.tables import entry_records, read_table
from cxr.datasets.vindr_cxr import VINDR_NAMES
from cxr.tables import header_of
from nlp_labeler.findings import LABELS

__all__ = [
    "read_nih_sample",
    "read_rsna",
    "read_vinbigdata",
    "recognises_nih_sample",
    "recognises_rsna",
    "recognises_vinbigdata",
]

_RSNA, _SAMPLE, _VINBIGDATA = "stage_2_train_labels.csv", "sample_labels.csv", "train.csv"
_CORNERS = ["x_min", "y_min", "x_max", "y_max"]
_MAJORITY = 0.5


def recognises_rsna(root: Path) -> bool:
    """Whether the folder holds the label table of the RSNA pneumonia challenge."""
    return (root / _RSNA).is_file()


def recognises_vinbigdata(root: Path) -> bool:
    """Whether the folder holds the label table of the VinBigData challenge."""
    return header_of(root / _VINBIGDATA).issuperset(("image_id", "class_name", "rad_id"))


def recognises_nih_sample(root: Path) -> bool:
    """Whether the folder holds the label table of the sample of NIH ChestX-ray14."""
    return (root / _SAMPLE).is_file()


def read_rsna(root: Path) -> Dataset:
    """Read the table of boxes; a film with one has Pneumonia."""
    table = read_table(root / _RSNA, ("patientId", "x", "y", "width", "height", "Target"))
    target = pd.to_numeric(table["Target"], errors="coerce").groupby(table["patientId"], sort=False).max()
    labels = pd.DataFrame(np.float32(np.nan), index=range(len(target)), columns=list(LABELS))
    labels["Pneumonia"] = target.to_numpy(np.float32)
    marked = table[table["x"] != ""]
    boxes = pd.DataFrame({"image": marked["patientId"], "label": "Pneumonia"})
    boxes[list(BOX_COLUMNS[2:])] = marked[["x", "y", "width", "height"]].astype(np.float64)
    paths = [str(root / "stage_2_train_images" / f"{name}.dcm") for name in target.index]
    return _unnamed(root, "RSNA pneumonia", pd.Series(target.index), paths, labels, boxes.reset_index(drop=True))


def read_vinbigdata(root: Path) -> Dataset:
    """Read the table of readers' boxes."""
    table = read_table(root / _VINBIGDATA, ("image_id", "class_name", "rad_id", *_CORNERS))
    readers = table.groupby("image_id", sort=False)["rad_id"].nunique()
    named = table[table["class_name"].isin(list(VINDR_NAMES))].assign(label=lambda t: t["class_name"].map(VINDR_NAMES))
    votes = (
        named.groupby(["image_id", "label"])["rad_id"].nunique().unstack(fill_value=0).reindex(readers.index).fillna(0)
    )
    share = votes.div(readers, axis=0).reindex(columns=list(LABELS))
    given = set(VINDR_NAMES.values())
    labels = pd.DataFrame(
        {
            label: (share[label].fillna(0) > _MAJORITY).to_numpy(np.float32) if label in given else np.float32(np.nan)
            for label in LABELS
        }
    )
    marked = named[named["x_min"] != ""]
    corners = marked[_CORNERS].astype(np.float64)
    boxes = pd.DataFrame(
        {"image": marked["image_id"], "label": marked["label"], "x": corners["x_min"], "y": corners["y_min"]}
    )
    boxes["width"], boxes["height"] = corners["x_max"] - corners["x_min"], corners["y_max"] - corners["y_min"]
    suffix = ".png" if any((root / "train").glob("*.png")) else ".dicom"
    paths = [str(root / "train" / f"{name}{suffix}") for name in readers.index]
    return _unnamed(root, "VinBigData", pd.Series(readers.index), paths, labels, boxes.reset_index(drop=True))


def read_nih_sample(root: Path) -> Dataset:
    """Read the sample's label table, which has the columns of the whole."""
    table = read_table(root / _SAMPLE, ENTRY_COLUMNS[:7])
    folder = root / "images" if (root / "images").is_dir() else root / "sample" / "images"
    labels = split_labels(table["Finding Labels"], LABELS, root / _SAMPLE)
    records = entry_records(table, lambda name: str(folder / name))
    records["split"] = assign_splits(list(table["Patient ID"]), labels.to_numpy(), DEFAULT_FRACTIONS, SEED)
    return published_dataset(root, "NIH sample", records, labels)


def _unnamed(
    root: Path, name: str, images: pd.Series, paths: list[str], labels: pd.DataFrame, boxes: pd.DataFrame
) -> Dataset:
    """A dataset that names no patients, split with a fixed seed."""
    records = pd.DataFrame({"image": images, "path": paths, "patient": images})
    records["split"] = assign_splits(list(images), labels.to_numpy(), DEFAULT_FRACTIONS, SEED)
    return published_dataset(root, name, records, labels, boxes)
