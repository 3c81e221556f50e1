"""Small tables in the published layouts: predictions of three findings and the official label table."""

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

FINDINGS = ("Effusion", "Mass", "Pneumothorax")


@dataclass
class Tables:
    """Two tables as rows of text; tests change them before they are written."""

    folder: Path
    predictions: list[list[str]] = field(default_factory=list)
    labels: list[list[str]] = field(default_factory=list)

    def write(self) -> tuple[Path, Path]:
        """Write both and return their paths."""
        paths = self.folder / "predictions.csv", self.folder / "labels.csv"
        for path, rows in zip(paths, (self.predictions, self.labels), strict=True):
            with path.open("w", newline="") as stream:
                csv.writer(stream).writerows(rows)
        return paths


def make_tables(folder: Path, n_patients: int = 400, seed: int = 0) -> Tables:
    rng = np.random.default_rng(seed)
    tables = Tables(folder)
    tables.predictions = [["Image Index", *(f"prob_{name}" for name in FINDINGS)]]
    tables.labels = [
        ["Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age", "Patient Gender", "View Position"]
    ]
    for patient in range(n_patients):
        for visit in range(int(rng.integers(1, 4))):
            image = f"{patient:08d}_{visit:03d}.png"
            present = rng.random(3) < 0.15
            scores = np.clip(0.25 * present + 0.6 * rng.random(3) ** 2, 0, 1)
            names = "|".join(np.array(FINDINGS)[present]) or "No Finding"
            tables.predictions.append([image, *(f"{p:.6f}" for p in scores)])
            age, sex, view = str(20 + patient % 70), "FM"[patient % 2], ("PA", "AP")[visit % 2]
            tables.labels.append([image, names, str(visit), str(patient), age, sex, view])
    return tables


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    """400 patients with one to three images each."""
    return make_tables(tmp_path)


@pytest.fixture(scope="session")
def build_tables() -> Callable[..., Tables]:
    """Make tables of another size or seed."""
    return make_tables
