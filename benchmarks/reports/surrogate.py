"""NIH images, each with an OpenI report that has the same of the eight labels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from cxr.datasets.dataset import Dataset, open_dataset
from nlp_labeler.document import compose_report
from nlp_labeler.findings import CHESTXRAY8

__all__ = ["surrogate_dataset"]

_SEED = 0


def surrogate_dataset(data: Path) -> Dataset:
    """The NIH subset with a report for every image whose label set some OpenI dev report has.

    Args:
        data: the folder of real data.
    """
    dataset = open_dataset(data / "nih")
    table = pd.read_csv(data / "openi" / "dev.csv", keep_default_na=False)
    texts: dict[frozenset[str], list[str]] = {}
    for row in table.to_dict("records"):
        labels = frozenset(name for name in CHESTXRAY8 if int(row[name]) == 1)
        if labels or int(row["normal"]) == 1:
            texts.setdefault(labels, []).append(compose_report(row["findings"], row["impression"]))
    rng = np.random.default_rng(_SEED)
    pairs = []
    for row in dataset.records[["image", *CHESTXRAY8]].to_dict("records"):
        options = texts.get(frozenset(name for name in CHESTXRAY8 if row[name] == 1), [])
        if options:
            pairs.append({"image": row["image"], "text": options[int(rng.integers(len(options)))]})
    return replace(dataset, reports=pd.DataFrame(pairs, columns=["image", "text"]))
