"""Mean AUC and box rates of a method, and of one method less another, under resampling of the patients."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.localization.scoring import Scored
from cxr.evaluation.bootstrap import Statistic
from cxr.evaluation.localization import IOBB_THRESHOLDS, IOU_THRESHOLDS

__all__ = ["SHOWN", "gain", "statistic"]

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
    return partial(_difference, with_it, without)


def _difference(with_it: Statistic, without: Statistic, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    return with_it(weights) - without(weights)
