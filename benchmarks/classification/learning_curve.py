"""How the shipped recipe's AUC grows with the number of training images, and where that leads with all of NIH's."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.classification.auc import mean_auc
from benchmarks.classification.trained import DATA, RESAMPLES, SHIPPED, TrainedRun, train_and_score
from benchmarks.record import ROOT, Row
from cxr.datasets.dataset import Dataset
from cxr.evaluation.bootstrap import Estimate, bootstrap, estimates
from cxr.training.classifier.recipe import load_recipe

__all__ = ["FULL", "curve_rows", "extrapolate", "thinned"]

SHARES = (0.12, 0.25)
FULL = 78_468
"""Training images of the official split with a tenth of the patients left out for validation, as CheXNet had them."""


def thinned(dataset: Dataset, share: float) -> Dataset:
    """The dataset with a share of its training patients; a smaller share is part of a larger one."""
    records = dataset.records
    training = records["split"] == "train"
    patients = np.sort(records.loc[training, "patient"].unique())
    kept = np.random.default_rng(0).permutation(patients)[: round(share * len(patients))]
    return dataset.where(~training | records["patient"].isin(kept))


def extrapolate(images: NDArray[np.float64], aucs: NDArray[np.float64], target: float) -> NDArray[np.float64]:
    """AUC at a number of images by a power law of what is missing to 1, fitted on logarithms by least squares.

    1 - AUC = b * n ** -c is the usual form of learning curves (Hestness 2017, arXiv:1712.00409), without its floor,
    which so few points cannot tell: label noise makes it an upper bound.

    Args:
        images: (K,) numbers of training images.
        aucs: (R, K) what each gave, per resample.
        target: the number of images asked for.

    Returns:
        (R,).
    """
    x = np.log(images) - np.log(images).mean()
    y = np.log1p(-aucs)
    slope = (y @ x) / (x @ x)
    return 1 - np.exp(y.mean(axis=1) + slope * (np.log(target) - np.log(images).mean()))


def curve_rows(dataset: Dataset, weights: Path, full: TrainedRun) -> list[Row]:
    """Train on 12 and 25 % of the training patients, and extrapolate together with the run on all of them."""
    recipe = load_recipe(SHIPPED)
    smaller = [thinned(dataset, share) for share in SHARES]
    runs = [
        train_and_score(recipe, part, ROOT / "runs" / "nih-curve" / f"{share:.0%}", weights)
        for share, part in zip(SHARES, smaller, strict=True)
    ]
    images = [len(part.subset("train").records) for part in (*smaller, dataset)]
    statistics = [mean_auc([run.predictions]) for run in (*runs, full)]

    def values(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        aucs = np.column_stack([statistic(weights) for statistic in statistics])
        return np.column_stack([aucs, extrapolate(np.array(images, float), aucs, FULL)])

    found = estimates(bootstrap(values, full.predictions.patients, RESAMPLES))
    names = [*(f"{n:,} images" for n in images), f"{FULL:,} images, extrapolated"]
    return [_row(name, estimate, len(full.predictions.images)) for name, estimate in zip(names, found, strict=True)]


def _row(name: str, estimate: Estimate, n: int) -> Row:
    return Row(
        table="nih-learning-curve",
        row=name,
        metric="mean AUC of 8",
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=n,
        unit_of_n="images",
        data=f"{DATA}, first seed, equal epochs",
        note="1 - AUC = b * n ** -c, an upper bound: noisy labels put a floor under the error"
        if "extrapolated" in name
        else "",
    )
