"""The phantoms that methods are compared on: their lesions' places are known, their labels are mined from reports."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from benchmarks.provenance import run_folder
from cxr.datasets.builder import build_dataset
from cxr.datasets.dataset import Dataset, open_dataset
from cxr.phantom.cohort import generate_cohort
from cxr.training.classifier.train import default_workers, train
from nlp_labeler.findings import CHESTXRAY8

__all__ = ["SIZE", "AblationCohort"]

PATIENTS, SIZE, SEED = 1100, 160, 7
FRACTIONS = {"train": 0.6, "val": 0.1, "test": 0.3}


@dataclass(frozen=True)
class AblationCohort:
    """Phantoms, labels mined from their reports, and the truth beside them.

    Attributes:
        folder: of the cohort, its dataset and the runs.
        dataset: with mined labels, split by patient.
    """

    folder: Path
    dataset: Dataset

    @classmethod
    def open(cls) -> "AblationCohort":
        """Make the cohort and its dataset, or what is missing of them."""
        variant = f"{PATIENTS} {SIZE} {SEED} {FRACTIONS}"
        folder = run_folder("ablation", (), generate_cohort, build_dataset, train, variant=variant)
        workers = default_workers()
        generate_cohort(PATIENTS, SIZE, SEED, folder / "cohort", workers=workers)
        build_dataset(
            folder / "cohort" / "images",
            folder / "cohort" / "reports.csv",
            folder / "dataset",
            require_frontal=False,  # as the recorded figures were made
            fractions=FRACTIONS,
            seed=SEED,
            workers=workers,
        )
        return cls(folder, open_dataset(folder / "dataset"))

    @property
    def cache(self) -> Path:
        """Where the runs' network inputs are kept: they share them."""
        return self.folder / "cache"

    def run(self, recipe: str, seed: int) -> Path:
        """Where a recipe's run with a seed is kept."""
        return self.folder / f"{recipe}-{seed}"

    def truth(self, images: Iterable[str]) -> pd.DataFrame:
        """One row of true labels per image, in order."""
        return self._labels.loc[list(images)]

    def boxes(self, images: Iterable[str]) -> pd.DataFrame:
        """True boxes of the eight findings on the images, in pixels of the phantom."""
        known = self._boxes["image"].isin(set(images)) & self._boxes["label"].isin(CHESTXRAY8)
        return self._boxes[known]

    def findings(self, images: Iterable[str]) -> pd.DataFrame:
        """What the eight findings on the images are like: image, label, side, zone, grade."""
        known = self._findings["image"].isin(set(images)) & self._findings["label"].isin(CHESTXRAY8)
        return self._findings[known]

    @cached_property
    def _labels(self) -> pd.DataFrame:
        return self._table("labels.csv").set_index("image")

    @cached_property
    def _boxes(self) -> pd.DataFrame:
        return self._table("boxes.csv")

    @cached_property
    def _findings(self) -> pd.DataFrame:
        return self._table("findings.csv")

    def _table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / "cohort" / "truth" / name, dtype={"image": str})
