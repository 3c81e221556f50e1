"""The pictures that the gate is trained, calibrated and tested on."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from cxr.datasets.dataset import open_dataset
from cxr.datasets.tables import read_table
from cxr.imaging.quality import gate_copy
from cxr.imaging.reading import read_radiograph
from cxr.phantom.cohort import generate_cohort
from cxr.training.quality_gate.non_chests import DRAWINGS, HELD_OUT_DRAWINGS, draw, random_crop
from cxr.training.segmentation import read_masked_chests

__all__ = [
    "calibration_chests",
    "hospital_chests",
    "hospital_files",
    "masked_chests",
    "phantom_chests",
    "shuffled",
    "training_chests",
    "training_non_chests",
]

Gray = NDArray[np.float32]
PHANTOM_PATIENTS = 120


def training_chests(data: Path) -> list[Gray]:
    """NIH training patients, masked chests, half of two other hospitals, and phantoms: the demo must pass the gate."""
    chests = _read(open_dataset(data / "nih").subset("train").records["path"])
    chests += masked_chests(data)
    for source in ("hannover", "paediatric"):
        chests += hospital_chests(data / source, held_out=False)
    return chests + phantom_chests()


def masked_chests(data: Path) -> list[Gray]:
    """Chests with masks that the segmentation is trained on too."""
    masked = read_masked_chests(data / "lung_heart_masks")
    return [gate_copy(c.image.astype(np.float32) / np.float32(255)) for c in masked if not c.held_out]


def phantom_chests() -> list[Gray]:
    """Phantoms, one a patient."""
    with TemporaryDirectory() as folder:
        generate_cohort(PHANTOM_PATIENTS, 160, 7, Path(folder), False)
        return _read(sorted(str(path) for path in (Path(folder) / "images").iterdir()))


def calibration_chests(data: Path) -> list[Gray]:
    """Upright chests for the thresholds: NIH validation patients."""
    return _read(open_dataset(data / "nih").subset("val").records["path"])


def hospital_chests(root: Path, *, held_out: bool) -> list[Gray]:
    """The films of :func:`hospital_files`, made small."""
    return _read(str(path) for path in hospital_files(root, held_out=held_out))


def hospital_files(root: Path, *, held_out: bool) -> list[Path]:
    """One half of another hospital's patients, divided by a hash of the patient."""
    index = read_table(root / "index.csv", ("file", "patient"))
    odd = [int(hashlib.sha256(patient.encode()).hexdigest(), 16) % 2 == 1 for patient in index["patient"]]
    return [root / name for name, side in zip(index["file"], odd, strict=True) if side == held_out]


def training_non_chests(count: int, pictures: list[Gray], chests: list[Gray], rng: np.random.Generator) -> list[Gray]:
    """Crops of photographs, drawings, and chests whose pieces are shuffled."""
    kinds = [kind for kind in DRAWINGS if kind not in HELD_OUT_DRAWINGS]
    result = []
    for _ in range(count):
        source = rng.choice(3, p=(0.5, 0.35, 0.15))
        if source == 0:
            result.append(random_crop(pictures[rng.integers(len(pictures))], rng))
        elif source == 1:
            result.append(draw(kinds[rng.integers(len(kinds))], rng))
        else:
            result.append(shuffled(chests[rng.integers(len(chests))], rng))
    return result


def shuffled(chest: Gray, rng: np.random.Generator) -> Gray:
    """A chest cut into 3 x 3 to 6 x 6 pieces in random order: the texture of a chest without its anatomy."""
    parts = int(rng.integers(3, 7))
    side = min(chest.shape) // parts
    tiles = [
        chest[row * side : (row + 1) * side, column * side : (column + 1) * side]
        for row in range(parts)
        for column in range(parts)
    ]
    order = rng.permutation(len(tiles))
    return np.block([[tiles[order[row * parts + column]] for column in range(parts)] for row in range(parts)])


def _read(paths: Iterable[str]) -> list[Gray]:
    return [gate_copy(read_radiograph(Path(path)).pixels) for path in paths]
