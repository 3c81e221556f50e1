"""How the shipped recipe's AUC grows with the number of training images.

Three points say that more images help; they cannot say where that leads with all of NIH's, and so nothing is
extrapolated.
"""

from functools import partial

import numpy as np

from benchmarks.classification.auc import mean_auc
from benchmarks.classification.trained import DATA, RESAMPLES, SEEDS, SHIPPED, TrainedRun, train_nih
from benchmarks.record import Row, line
from cxr.datasets.dataset import Dataset
from cxr.evaluation.bootstrap import bootstrap, estimates

__all__ = ["curve_rows", "thinned"]

SHARES = (0.12, 0.25)


def thinned(dataset: Dataset, share: float) -> Dataset:
    """The dataset with a share of its training patients; a smaller share is part of a larger one."""
    records = dataset.records
    training = records["split"] == "train"
    patients = np.sort(records.loc[training, "patient"].unique())
    kept = np.random.default_rng(0).permutation(patients)[: round(share * len(patients))]
    return dataset.where(~training | records["patient"].isin(kept))


def curve_rows(dataset: Dataset, full: TrainedRun) -> list[Row]:
    """Train on 12 and 25 % of the training patients, in equally many epochs, beside the run on all of them."""
    shares = {share: partial(thinned, share=share) for share in SHARES}
    runs = [train_nih(SHIPPED, SEEDS[0], f"{share:.0%}", select) for share, select in shares.items()]
    parts = [*(select(dataset) for select in shares.values()), dataset]
    rows: list[Row] = []
    for part, run in zip(parts, [*runs, full], strict=True):
        patients = run.predictions.patients
        found = estimates(bootstrap(mean_auc([run.predictions]), patients, RESAMPLES))[0]
        rows += line(
            "nih-learning-curve",
            f"{len(part.subset('train').records):,} images",
            {"mean AUC of 8": found},
            n=len(patients),
            unit_of_n="images",
            data=f"{DATA}, equal epochs",
            seeds=SEEDS[:1],
        )
    return rows
