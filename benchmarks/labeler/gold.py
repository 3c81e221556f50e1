"""The OpenI reports with gold labels that the labeler is measured on, and the two published ways of scoring them.

The gold labels were looked up from the MeSH headings that people gave the reports; the headings themselves are only
read to score severity and location, and are never shown to a labeler.
"""

import csv
from dataclasses import dataclass

import numpy as np

from benchmarks.provenance import shared_data
from nlp_labeler.document import compose_report
from nlp_labeler.findings import CHESTXRAY8

__all__ = ["DATA", "Gold", "load_gold"]

DATA = "OpenI dev reports"


@dataclass(frozen=True)
class Gold:
    """The reports and what they are coded for.

    Attributes:
        ids: report ids.
        texts: FINDINGS and IMPRESSION under their headings.
        bare_texts: the same words without headings, as the peers expect them.
        positive: bool (N, 8): coded for each label of ChestX-ray8.
        normal: bool (N,): coded as normal.
        codes: the MeSH headings of each report, e.g. ``"Cardiomegaly/mild;Opacity/lung"``.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    bare_texts: tuple[str, ...]
    positive: np.ndarray
    normal: np.ndarray
    codes: tuple[str, ...]

    def coded(self) -> np.ndarray:
        """Mask (N,) of the reports coded for one of the eight, or as normal: the subset of the paper's table."""
        return self.positive.any(axis=1) | self.normal


def load_gold() -> Gold:
    """Read the gold reports."""
    with (shared_data("openi") / "dev.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return Gold(
        ids=tuple(row["id"] for row in rows),
        texts=tuple(compose_report(row["findings"], row["impression"]) for row in rows),
        bare_texts=tuple(f"{row['findings'].strip()}\n{row['impression'].strip()}".strip() for row in rows),
        positive=np.array([[row[name] == "1" for name in CHESTXRAY8] for row in rows]),
        normal=np.array([row["normal"] == "1" for row in rows]),
        codes=tuple(row["mesh_major"] for row in rows),
    )
