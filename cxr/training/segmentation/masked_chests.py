"""The 408 radiographs with lung and heart masks (JSRT/SCR: Shiraishi 2000, van Ginneken 2006; Wingspan: Dong 2018)."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr.datasets.tables import read_table

__all__ = ["HELD_OUT_SHARE", "STRUCTURES", "MaskedChest", "read_masked_chests"]

STRUCTURES = ("right_lung", "left_lung", "heart")
"""Masks, in the order of the segmentation model's outputs; the patient's sides."""

SOURCES = ("jsrt", "wingspan")
HELD_OUT_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class MaskedChest:
    """One radiograph with its masks.

    Attributes:
        source: the collection it belongs to.
        name: file name.
        image: (H, W) uint8.
        masks: (3, H, W) bool in the order of :data:`STRUCTURES`.
        held_out: whether it is kept from training; decided by a hash of the name, a fifth of each source.
    """

    source: str
    name: str
    image: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    held_out: bool


def read_masked_chests(root: Path) -> list[MaskedChest]:
    """Read ``root/jsrt`` and ``root/wingspan``, each with an index.csv that names image and mask files.

    Raises:
        DatasetError: if an index is missing or lacks a column.
    """
    chests = []
    for source in SOURCES:
        for row in read_table(root / source / "index.csv", ("file", *STRUCTURES)).to_dict("records"):
            masks = np.stack([_gray(root / source / row[structure]) > 127 for structure in STRUCTURES])
            held_out = _share(row["file"]) < HELD_OUT_SHARE
            chests.append(MaskedChest(source, row["file"], _gray(root / source / row["file"]), masks, held_out))
    return chests


def _gray(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.array(picture.convert("L"))


def _share(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32
