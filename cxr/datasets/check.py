"""Faults of a dataset that would falsify a result: leaks between splits, unusable images, labels that contradict."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr.datasets.near_duplicates import find_pairs, signature
from cxr.datasets.schema import Dataset
from cxr.datasets.splits import leaking_patients
from cxr.errors import RefusedInputError
from cxr.imaging.reading import read_radiograph

__all__ = ["Fault", "FaultKind", "check_dataset"]

_FRAME = 0.5  # boxes may end half a pixel outside


class FaultKind(StrEnum):
    """What is wrong."""

    PATIENT_LEAK = "patient_leak"
    IMAGE_LEAK = "image_leak"
    UNREADABLE_IMAGE = "unreadable_image"
    MISSING_IMAGE = "missing_image"
    NO_SPLIT = "no_split"
    UNLABELED = "unlabeled"
    UNKNOWN_BOX_LABEL = "unknown_box_label"
    BOX_WITHOUT_IMAGE = "box_without_image"
    BOX_WITHOUT_LABEL = "box_without_label"
    BOX_OUTSIDE = "box_outside"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        kind: what is wrong.
        subject: the patient or image concerned.
        detail: one sentence.
    """

    kind: FaultKind
    subject: str
    detail: str


def check_dataset(
    dataset: Dataset, *, images: bool = True, workers: int = 1, progress: Callable[[], None] = lambda: None
) -> list[Fault]:
    """Look for faults.

    Args:
        dataset: all splits of a dataset.
        images: whether to open every image, to find unreadable ones and the same picture in two splits.
        workers: images read at a time.
        progress: called after each image.
    """
    faults = [*_patient_faults(dataset), *_label_faults(dataset), *_box_faults(dataset)]
    if images:
        signatures, sizes, unreadable = _look(dataset, workers, progress)
        faults += [*unreadable, *_image_leaks(dataset, signatures), *_outside(dataset, sizes)]
    return faults


def _patient_faults(dataset: Dataset) -> Iterator[Fault]:
    records = dataset.records
    for patient in leaking_patients(records["patient"], records["split"]):
        splits = sorted(set(records.loc[records["patient"] == patient, "split"]) - {""})
        yield Fault(FaultKind.PATIENT_LEAK, patient, f"has images in {' and '.join(splits)}")
    if (records["split"] != "").any():
        for image in records.loc[records["split"] == "", "image"]:
            yield Fault(FaultKind.NO_SPLIT, image, "is on no split list")


def _label_faults(dataset: Dataset) -> Iterator[Fault]:
    unknown = dataset.records[list(dataset.label_space)].isna().all(axis=1)
    for image in dataset.records.loc[unknown, "image"]:
        yield Fault(FaultKind.UNLABELED, image, "has no known label")


def _box_faults(dataset: Dataset) -> Iterator[Fault]:
    records = dataset.records.set_index("image")
    for image, label in dataset.boxes[["image", "label"]].drop_duplicates().itertuples(index=False):
        if image not in records.index:
            yield Fault(FaultKind.BOX_WITHOUT_IMAGE, image, f"has a box of {label} but is not listed")
        elif label not in dataset.label_space:
            known = ", ".join(dataset.label_space)
            yield Fault(FaultKind.UNKNOWN_BOX_LABEL, image, f"has a box of {label!r}; labels are {known}")
        elif records.at[image, label] == 0:
            yield Fault(FaultKind.BOX_WITHOUT_LABEL, image, f"has a box of {label}, which its labels deny")


def _look(
    dataset: Dataset, workers: int, progress: Callable[[], None]
) -> tuple[dict[str, NDArray[np.float32]], dict[str, tuple[int, int]], list[Fault]]:
    """Signature and (width, height) of every image that can be read, and the faults of the others."""

    def look(path: str) -> tuple[NDArray[np.float32], tuple[int, int]] | RefusedInputError:
        try:
            pixels = read_radiograph(Path(path)).pixels
        except RefusedInputError as error:
            return error
        return signature(pixels), (pixels.shape[1], pixels.shape[0])

    listed = dataset.records[dataset.records["path"] != ""]
    signatures, sizes, faults = {}, {}, []
    with ThreadPoolExecutor(workers) as pool:
        for image, path, seen in zip(listed["image"], listed["path"], pool.map(look, listed["path"]), strict=True):
            progress()
            if not isinstance(seen, RefusedInputError):
                signatures[image], sizes[image] = seen
            elif Path(path).exists():
                faults.append(Fault(FaultKind.UNREADABLE_IMAGE, image, f"{seen.code}: {seen.message}"))
            else:
                faults.append(Fault(FaultKind.MISSING_IMAGE, image, "is listed but not there"))
    return signatures, sizes, faults


def _image_leaks(dataset: Dataset, signatures: dict[str, NDArray[np.float32]]) -> Iterator[Fault]:
    """The same picture in two splits, whatever it is called and whoever it is said to be."""
    seen = dataset.records[dataset.records["image"].isin(signatures) & (dataset.records["split"] != "")]
    groups = {str(split): list(names) for split, names in seen.groupby("split")["image"]}
    tables = {split: np.stack([signatures[name] for name in names]) for split, names in groups.items()}
    for first, second in _pairs(sorted(groups)):
        for row, column, cosine in find_pairs(tables[first], tables[second]):
            there = groups[second][column]
            detail = f"in {first} shows the same picture as {there} in {second} (similarity {cosine:.3f})"
            yield Fault(FaultKind.IMAGE_LEAK, groups[first][row], detail)


def _pairs(names: list[str]) -> Iterable[tuple[str, str]]:
    return ((a, b) for place, a in enumerate(names) for b in names[place + 1 :])


def _outside(dataset: Dataset, sizes: dict[str, tuple[int, int]]) -> Iterator[Fault]:
    boxes = dataset.boxes[dataset.boxes["image"].isin(sizes)]
    if boxes.empty:
        return
    limits = pd.DataFrame([sizes[image] for image in boxes["image"]], columns=["columns", "rows"], index=boxes.index)
    right, bottom = boxes["x"] + boxes["width"], boxes["y"] + boxes["height"]
    bad = (boxes[["x", "y"]].min(axis=1) < -_FRAME) | (right > limits["columns"] + _FRAME)
    bad |= (bottom > limits["rows"] + _FRAME) | (boxes[["width", "height"]].min(axis=1) <= 0)
    for image, label in boxes.loc[bad, ["image", "label"]].itertuples(index=False):
        yield Fault(FaultKind.BOX_OUTSIDE, image, f"has a box of {label} that is empty or leaves the image")
