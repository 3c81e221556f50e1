"""How much better some texts state the findings than others do, paired and resampled by patient."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cxr.evaluation.bootstrap import Estimate, bootstrap, estimates

__all__ = ["f1_gain"]


def f1_gain(
    truth: NDArray[np.bool_],
    runs: Sequence[NDArray[np.bool_]],
    others: Sequence[NDArray[np.bool_]],
    patients: Sequence[str],
) -> Estimate:
    """Mean micro F1 of several runs' (N, 8) statements minus that of others' runs, with its interval."""

    def f1(stated: NDArray[np.bool_], weights: NDArray[np.float32]) -> NDArray[np.float64]:
        hits, all_ = (truth & stated).sum(axis=1), truth.sum(axis=1) + stated.sum(axis=1)
        return np.asarray(2 * (weights @ hits) / np.maximum(weights @ all_, 1))

    def mean(several: Sequence[NDArray[np.bool_]], weights: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(np.mean([f1(stated, weights) for stated in several], axis=0))

    def gain(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        return (mean(runs, weights) - mean(others, weights))[:, None]

    return estimates(bootstrap(gain, patients))[0]
