"""Open a dataset folder, whatever published layout it has."""

from collections.abc import Callable
from pathlib import Path

from cxr.datasets import chexpert, folder, mimic_cxr, nih, padchest, vindr_cxr
from cxr.datasets.schema import Dataset
from cxr.errors import DatasetError

__all__ = ["LAYOUTS", "Dataset", "open_dataset"]

LAYOUTS: dict[str, tuple[Callable[[Path], bool], Callable[[Path], Dataset]]] = {
    "ChestX-ray8-style folder (cxr dataset build)": (folder.recognises, folder.read),
    "NIH subset with index.csv": (nih.recognises_subset, nih.read_subset),
    "NIH ChestX-ray14 as published": (nih.recognises_official, nih.read_official),
    "CheXpert": (chexpert.recognises, chexpert.read),
    "MIMIC-CXR-JPG": (mimic_cxr.recognises, mimic_cxr.read),
    "PadChest": (padchest.recognises, padchest.read),
    "VinDr-CXR": (vindr_cxr.recognises, vindr_cxr.read),
}
"""Name of each layout -> whether a folder has it, and its reader; the first that recognises a folder reads it."""


def open_dataset(path: Path | str) -> Dataset:
    """Read the tables of a dataset; images are not opened.

    Args:
        path: its folder.

    Raises:
        DatasetError: if there is no such folder, its layout is not known, or its tables contradict each other.
    """
    root = Path(path).absolute()
    if not root.is_dir():
        raise DatasetError(f"{path}: no such dataset folder")
    for recognises, read in LAYOUTS.values():
        if recognises(root):
            return read(root)
    raise DatasetError(f"{path}: no known dataset layout; known are: {'; '.join(LAYOUTS)}")
