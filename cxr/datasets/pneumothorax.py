"""Films marked for pneumothorax: SIIM-ACR (Filice 2020) and CANDID-PTX (Feng 2021).

- SIIM-ACR: train-rle.csv (ImageId, EncodedPixels) and dicom-images-train/STUDY/SERIES/IMAGE.dcm; stage_2_train.csv goes
  with the same files. A mask is a run-length code, -1 where there is none. No patients are named: every film stands for
  its own.
- CANDID-PTX: Pneumothorax_reports.csv (SOPInstanceUID, EncodedPixels, filename) and DICOM files called after the UID,
  in any folder. The file name of the source begins with the patient (P0001_...). Its masks are not read: whether they
  count in rows or columns is not published.
"""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from cxr.datasets.published import SEED, published_dataset
from cxr.datasets.schema import BOX_COLUMNS, Dataset, empty_boxes
from cxr.datasets.splits import DEFAULT_FRACTIONS, assign_splits
from cxr.datasets.tables import read_table
from cxr.errors import DatasetError
from nlp_labeler.findings import LABELS

__all__ = ["mask_box", "read_candid", "read_siim", "recognises_candid", "recognises_siim"]

_LOG = logging.getLogger(__name__)
_SIIM_TABLES, _CANDID_TABLE = ("train-rle.csv", "stage_2_train.csv"), "Pneumothorax_reports.csv"
_SIIM_FOLDERS = (".", "pneumothorax", "siim")
_SIDE = 1024  # of every film of SIIM-ACR, in pixels
_NO_MASK = "-1"
_LABEL = "Pneumothorax"


def recognises_siim(root: Path) -> bool:
    """Whether the folder, or the one in it that repackings have, holds a table of SIIM-ACR's masks."""
    return _siim_table(root) is not None


def recognises_candid(root: Path) -> bool:
    """Whether the folder holds CANDID-PTX's table of masks and reports."""
    return (root / _CANDID_TABLE).is_file()


def read_siim(root: Path) -> Dataset:
    """Read the masks; a film with one has a pneumothorax, and a box round each."""
    found = _siim_table(root)
    if found is None:
        raise DatasetError(f"{root}: none of {', '.join(_SIIM_TABLES)} is there")
    table = read_table(found, ("ImageId", "EncodedPixels"))
    codes = table["EncodedPixels"].str.strip()  # the published table has a space before -1
    boxes = [
        (image, _LABEL, *mask_box(code, f"{found}: image {image}"))
        for image, code in zip(table["ImageId"], codes, strict=True)
        if code not in {"", _NO_MASK}
    ]
    state = _state(codes).groupby(table["ImageId"], sort=False).max()
    places = _files_below(found.parent)
    names = list(state.index)
    records = pd.DataFrame(
        {
            "image": names,
            "path": [places.get(name, str(found.parent / "dicom-images-train" / f"{name}.dcm")) for name in names],
            "patient": names,
        }
    )
    drawn = pd.DataFrame(boxes, columns=list(BOX_COLUMNS)) if boxes else empty_boxes()
    return _with_state(root, "SIIM-ACR pneumothorax", records, state, drawn)


def read_candid(root: Path) -> Dataset:
    """Read which films have a pneumothorax; films that the table gives to two patients are left out, and logged."""
    table = read_table(root / _CANDID_TABLE, ("SOPInstanceUID", "EncodedPixels", "filename"))
    table["patient"] = table["filename"].str.split("_").str[0]
    owners = table.groupby("SOPInstanceUID")["patient"].nunique()
    doubtful = owners.index[owners > 1]
    if len(doubtful):
        _LOG.warning("%s: %d films belong to two patients and are left out", root / _CANDID_TABLE, len(doubtful))
        table = table[~table["SOPInstanceUID"].isin(doubtful)]
    films = table.groupby("SOPInstanceUID", sort=False)
    state = _state(table["EncodedPixels"].str.strip()).groupby(table["SOPInstanceUID"], sort=False).max()
    places = _files_below(root)
    names = list(state.index)
    records = pd.DataFrame(
        {
            "image": names,
            "path": [places.get(name, str(root / "dataset" / name)) for name in names],
            "patient": list(films["patient"].first()),
        }
    )
    return _with_state(root, "CANDID-PTX", records, state, empty_boxes())


def mask_box(code: str, name: str) -> tuple[float, float, float, float]:
    """(x, y, width, height) of the box round a mask.

    The code is pairs of how many pixels are skipped since the last run and how many the run has; pixels are counted
    down the columns of a film of 1,024 x 1,024.

    Args:
        code: the numbers with spaces between.
        name: what to call the mask in an error.

    Raises:
        DatasetError: if the code is none, or leaves the film.
    """
    words = code.split()
    if len(words) % 2 or not all(word.isdecimal() for word in words):
        raise DatasetError(f"{name}: its mask {code[:40]!r} is no run-length code (pairs of whole numbers) and not -1")
    runs = np.array(words, dtype=np.int64).reshape(-1, 2)
    ends = runs.sum(axis=1).cumsum()
    first, last = ends - runs[:, 1], ends - 1
    if not len(runs) or (runs[:, 1] < 1).any() or last[-1] >= _SIDE**2:
        raise DatasetError(f"{name}: its mask leaves a film of {_SIDE} x {_SIDE} pixels, or has an empty run")
    x, right = first[0] // _SIDE, last[-1] // _SIDE
    whole = first // _SIDE != last // _SIDE  # a run over the end of a column has pixels at top and bottom
    y = 0 if whole.any() else (first % _SIDE).min()
    bottom = _SIDE - 1 if whole.any() else (last % _SIDE).max()
    return float(x), float(y), float(right - x + 1), float(bottom - y + 1)


def _siim_table(root: Path) -> Path | None:
    candidates: Iterator[Path] = (root / folder / name for folder in _SIIM_FOLDERS for name in _SIIM_TABLES)
    return next((path for path in candidates if path.is_file()), None)


def _state(codes: pd.Series) -> pd.Series:
    """1 where there is a mask, 0 where there is none, NaN where nothing is said."""
    return (codes != _NO_MASK).astype(np.float32).mask(codes == "")


def _files_below(root: Path) -> dict[str, str]:
    """Name without suffix -> path of the files below a folder; UIDs have dots of their own."""
    return {
        name.removesuffix(".dcm").removesuffix(".png"): str(Path(folder, name))
        for folder, _, names in os.walk(root)
        for name in names
    }


def _with_state(root: Path, name: str, records: pd.DataFrame, state: pd.Series, boxes: pd.DataFrame) -> Dataset:
    labels = pd.DataFrame(np.float32(np.nan), index=records.index, columns=list(LABELS))
    labels[_LABEL] = state.to_numpy(np.float32)
    records["split"] = assign_splits(list(records["patient"]), labels.to_numpy(), DEFAULT_FRACTIONS, SEED)
    return published_dataset(root, name, records, labels, boxes)
