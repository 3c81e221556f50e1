"""What each method reaches and what it adds: mean AUC and box rates under resampling of the patients."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.localization.methods import NOTES, SEEDS
from benchmarks.localization.scoring import Scored
from benchmarks.record import Row, line
from cxr.evaluation.bootstrap import Statistic, bootstrap, estimates
from cxr.evaluation.localization import IOBB_THRESHOLDS, IOU_THRESHOLDS

__all__ = ["SHOWN", "gain", "gain_rows", "method_rows", "statistic", "statistic_rows"]

RESAMPLES = 1000
DATA = "phantom test patients"
SHOWN = {
    "mean AUC": 0,
    **{f"IoU > {t}": 1 + IOU_THRESHOLDS.index(t) for t in (0.1, 0.3, 0.5, 0.7)},
    **{f"IoBB > {t}": 1 + len(IOU_THRESHOLDS) + IOBB_THRESHOLDS.index(t) for t in (0.1, 0.25, 0.5)},
    "false boxes": 1 + len(IOU_THRESHOLDS) + len(IOBB_THRESHOLDS),
}
"""Column -> its place in what a method's statistic gives."""


def statistic(models: list[Scored], images: tuple[str, ...]) -> Statistic:
    """Image weights (R, N) -> (R, K): mean AUC, then the mean rates of BoxHits, averaged over a method's seeds."""
    rows = {image: row for row, image in enumerate(images)}

    def values(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        found = []
        for model in models:
            auc = np.mean([ranked.metrics(weights, 0.0).auc for ranked in model.ranked], axis=0)
            units = [rows[image] for image in model.hits.images]
            found.append(np.column_stack([auc, model.hits.rates(weights[:, units])[:, 0]]))
        return np.mean(found, axis=0)

    return values


def gain(with_it: Statistic, without: Statistic) -> Statistic:
    """What a method adds, on the very same resampled patients."""

    def difference(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        return with_it(weights) - without(weights)

    return difference


def method_rows(name: str, models: list[Scored], test: pd.DataFrame) -> list[Row]:
    """A method on the test patients, its seeds averaged."""
    rows = statistic_rows("phantom-methods", name, statistic(models, tuple(test["image"])), test, "")
    broken = {"children above parents": float(sum(model.violations for model in models))}
    return rows + line(
        "phantom-methods",
        name,
        broken,
        n=len(test),
        unit_of_n="images",
        data=DATA,
        seeds=SEEDS,
        note="image and label pairs, all seeds together",
    )


def gain_rows(name: str, other: str, scored: dict[str, list[Scored]], test: pd.DataFrame) -> list[Row]:
    """One method less another, on the same resampled patients."""
    images = tuple(test["image"])
    difference = gain(statistic(scored[name], images), statistic(scored[other], images))
    return statistic_rows("phantom-gains", f"{name} - {other}", difference, test, NOTES.get(name, "paired by image"))


def statistic_rows(
    table: str, name: str, measured: Statistic, test: pd.DataFrame, note: str, shown: Mapping[str, int] = SHOWN
) -> list[Row]:
    """A row per shown column of a statistic over the test images, with its interval by patient."""
    found = estimates(bootstrap(measured, list(test["patient"]), RESAMPLES))
    return line(
        table,
        name,
        {column: found[place] for column, place in shown.items()},
        n=len(test),
        unit_of_n="images",
        data=DATA,
        seeds=SEEDS,
        note=note,
    )
