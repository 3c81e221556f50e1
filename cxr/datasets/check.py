"""Faults of a dataset that would falsify a result: leaks between splits, unusable images, labels that contradict."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr.datasets.image_store import FilmGate, require_frontal
from cxr.datasets.leaks import Fault, FaultKind, table_leaks
from cxr.datasets.linking import real_patient
from cxr.datasets.near_duplicates import find_pairs, signature
from cxr.datasets.schema import Dataset
from cxr.errors import RefusedInputError
from cxr.imaging.reading import read_radiograph

__all__ = ["Fault", "FaultKind", "check_dataset"]

_FRAME = 0.5  # boxes may end half a pixel outside


def check_dataset(
    dataset: Dataset,
    *,
    images: bool = True,
    gate: FilmGate | None = None,
    workers: int = 1,
    progress: Callable[[], None] = lambda: None,
) -> list[Fault]:
    """Look for faults.

    Args:
        dataset: all splits of a dataset.
        images: whether to open every image, to find unreadable ones and the same picture in two splits.
        gate: looks at every image too; ``None`` takes all.
        workers: images read at a time.
        progress: called after each image.
    """
    faults = [*table_leaks(dataset), *_unsplit(dataset), *_label_faults(dataset), *_box_faults(dataset)]
    if images:
        seen, unusable = _look(dataset, workers, progress, gate)
        signatures = {image: film.signature for image, film in seen.items()}
        sizes = {image: film.size for image, film in seen.items()}
        faults += [*unusable, *_header_leaks(dataset, {image: film.patient for image, film in seen.items()})]
        faults += [*_image_leaks(dataset, signatures), *_outside(dataset, sizes)]
    return faults


def _unsplit(dataset: Dataset) -> Iterator[Fault]:
    records = dataset.records
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


class Film(NamedTuple):
    """What is kept of an image that was opened."""

    signature: NDArray[np.float32]
    size: tuple[int, int]
    patient: str


def _look(
    dataset: Dataset, workers: int, progress: Callable[[], None], gate: FilmGate | None
) -> tuple[dict[str, Film], list[Fault]]:
    """What every image shows that can be read, and the faults of the others and of those that are no frontal chest."""

    def look(path: str) -> tuple[Film | None, RefusedInputError | None]:
        try:
            radiograph = read_radiograph(Path(path))
        except RefusedInputError as error:
            return None, error
        pixels, patient = radiograph.pixels, real_patient(radiograph.metadata.patient_id or "")
        film = Film(signature(pixels), (pixels.shape[1], pixels.shape[0]), patient)
        try:
            if gate is not None:
                require_frontal(radiograph, gate)
        except RefusedInputError as error:
            return film, error
        return film, None

    listed = dataset.records[dataset.records["path"] != ""]
    films: dict[str, Film] = {}
    faults = []
    with ThreadPoolExecutor(workers) as pool:
        looked = pool.map(look, listed["path"])
        for image, path, (film, fault) in zip(listed["image"], listed["path"], looked, strict=True):
            progress()
            if film is not None:
                films[image] = film
            if fault is None:
                continue
            if film is not None:
                faults.append(Fault(FaultKind.NOT_FRONTAL, image, f"{fault.code}: {fault.message}"))
            elif Path(path).exists():
                faults.append(Fault(FaultKind.UNREADABLE_IMAGE, image, f"{fault.code}: {fault.message}"))
            else:
                faults.append(Fault(FaultKind.MISSING_IMAGE, image, "is listed but not there"))
    return films, faults


def _header_leaks(dataset: Dataset, patients: dict[str, str]) -> Iterator[Fault]:
    """Films whose DICOM headers name one patient in two splits; the name itself is not said."""
    named = dataset.records.assign(header=dataset.records["image"].map(patients).fillna(""))
    for _, films in named[(named["header"] != "") & (named["split"] != "")].groupby("header"):
        if films["split"].nunique() > 1:
            first, other = (films.drop_duplicates("split")["image"].iloc[place] for place in (0, 1))
            detail = f"has the DICOM PatientID of {other} in another split"
            yield Fault(FaultKind.PATIENT_LEAK, first, detail)


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
