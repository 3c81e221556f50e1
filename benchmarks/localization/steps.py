"""Whether a curriculum learns in fewer steps: the validation AUC after every epoch, all epochs equally long."""

import numpy as np
import pandas as pd

from benchmarks.localization.cohort import Laboratory
from benchmarks.localization.methods import SEEDS
from benchmarks.record import Row

__all__ = ["step_rows"]

COMPARED = ("laboratory", "curriculum")


def step_rows(laboratory: Laboratory) -> list[Row]:
    """Mean AUC by epoch with and without the curriculum, by mined labels, its seeds averaged."""
    images = len(laboratory.dataset.subset("val").records)
    rows = []
    for name in COMPARED:
        curves = [_validated(laboratory, name, seed) for seed in SEEDS]
        rows += [
            Row(
                table="phantom-steps",
                row=name,
                metric=f"epoch {epoch}",
                value=value,
                n=images,
                unit_of_n="images",
                data=f"phantom validation patients, mined labels, mean of {len(SEEDS)} seeds",
            )
            for epoch, value in enumerate(np.mean(curves, axis=0), start=1)
        ]
    return rows


def _validated(laboratory: Laboratory, name: str, seed: int) -> list[float]:
    """val_auc of each epoch of a run."""
    log = pd.read_csv(laboratory.run(name, seed) / "logs" / "metrics.csv")
    return list(log.dropna(subset=["val_auc"]).groupby("epoch")["val_auc"].last())
