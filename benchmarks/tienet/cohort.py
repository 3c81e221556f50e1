"""Phantoms as the report benchmarks see them: held-out images, their reports and their truth."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from cxr.datasets.dataset import Dataset, open_dataset
from cxr.training.report.texts import report_texts
from nlp_labeler.findings import CHESTXRAY8

__all__ = ["Cohort"]


@dataclass(frozen=True)
class Cohort:
    """One cohort.

    Attributes:
        data: what it is, for the tables.
        folder: with cohort/ and dataset/ in it.
        dataset: with reports.
        test: its held-out rows.
    """

    data: str
    folder: Path
    dataset: Dataset
    test: Dataset

    @classmethod
    def open(cls, folder: Path, data: str) -> "Cohort":
        """Read the tables."""
        dataset = open_dataset(folder / "dataset")
        return cls(data, folder, dataset, dataset.subset("test"))

    @property
    def images(self) -> list[str]:
        """Names of the held-out images."""
        return list(self.test.records["image"])

    @cached_property
    def reports(self) -> list[str]:
        """The real report of each held-out image, without what one image cannot show."""
        return report_texts(self.test)

    @cached_property
    def truth(self) -> NDArray[np.bool_]:
        """(N, 8) what the held-out phantoms truly have."""
        frame = pd.read_csv(self.folder / "cohort" / "truth" / "labels.csv", dtype={"image": str}).set_index("image")
        return frame.loc[self.images, list(CHESTXRAY8)].to_numpy() == 1

    def mask(self, image: str, finding: str) -> NDArray[np.bool_] | None:
        """(H, W) where a finding truly is; ``None`` where the image has none."""
        folder = self.folder / "cohort" / "truth"
        table = self._findings
        files = table.loc[(table["image"] == image) & (table["label"] == finding), "mask"]
        if files.empty:
            return None
        masks = [np.asarray(Image.open(folder / "masks" / name)) > 0 for name in files]
        return np.asarray(np.logical_or.reduce(masks))

    @cached_property
    def _findings(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / "cohort" / "truth" / "findings.csv", dtype={"image": str})
