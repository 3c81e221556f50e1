"""Patient-cluster bootstrap: patients are drawn with replacement, with all their images.

Images of one patient resemble each other, so the patient is the unit that repeats (Field and Welsh 2007). A
statistic is a function of image weights: the weight of an image is how often its patient was drawn. With
all weights 1 it gives the estimate itself, so that estimate and interval come from one formula.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr.errors import CxrError

__all__ = ["Estimate", "Statistic", "bootstrap", "estimates", "percentile_interval"]

Statistic = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""(R, N) image weights to (R, K) values; NaN where a resample leaves a value undefined."""

_CHUNK_ELEMENTS = 2**17  # weights held at once: what they are gathered into stays in the processor's cache


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval; NaN throughout where it is undefined.

    Attributes:
        value: from the data as they are.
        low: lower end of the interval.
        high: upper end of the interval.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class BootstrapResult:
    """Estimates (K,) and their values in R resamples (R, K)."""

    value: NDArray[np.float64]
    resampled: NDArray[np.float64]


def bootstrap(
    statistic: Statistic, patients: Sequence[str] | NDArray[np.generic], resamples: int = 1000, seed: int = 0
) -> BootstrapResult:
    """Evaluate a statistic on the data and on patient resamples.

    Args:
        statistic: see :data:`Statistic`. It is called with chunks of resamples.
        patients: (N,) patient of each image.
        resamples: number of resamples R, at least 1.
        seed: makes the resamples repeatable; equal seeds and patients give equal resamples, so that two
            statistics can be compared resample by resample.

    Raises:
        CxrError: if there are no images or no resamples.
    """
    codes = np.unique(np.asarray(patients), return_inverse=True)[1]
    if not len(codes) or resamples < 1:
        raise CxrError(f"a bootstrap needs images and resamples; got {len(codes)} images and {resamples} resamples")
    n_patients = int(codes.max()) + 1
    rng = np.random.default_rng(seed)
    chunk = max(1, _CHUNK_ELEMENTS // len(codes))
    parts = []
    for start in range(0, resamples, chunk):
        rows = min(chunk, resamples - start)
        counts = np.empty((rows, n_patients), dtype=np.float32)
        for row in range(rows):  # one resample at a time, so that the chunk size does not change the draws
            counts[row] = np.bincount(rng.integers(n_patients, size=n_patients), minlength=n_patients)
        parts.append(statistic(counts[:, codes]))
    value = statistic(np.ones((1, len(codes)), dtype=np.float32))[0]
    return BootstrapResult(value, np.concatenate(parts))


def percentile_interval(
    resampled: NDArray[np.float64], confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ends (K,) of the percentile interval of (R, K) values; resamples that left a value undefined are skipped."""
    ends = np.full((2, resampled.shape[1]), np.nan)
    tail = (1 - confidence) / 2
    for k, column in enumerate(resampled.T):
        defined = column[~np.isnan(column)]
        if len(defined):
            ends[:, k] = np.quantile(defined, [tail, 1 - tail])
    return ends[0], ends[1]


def estimates(result: BootstrapResult, confidence: float = 0.95) -> list[Estimate]:
    """K estimates with percentile intervals; the interval of an undefined value is undefined."""
    low, high = percentile_interval(result.resampled, confidence)
    undefined = np.isnan(result.value)
    low[undefined] = high[undefined] = np.nan
    return [Estimate(*map(float, triple)) for triple in zip(result.value, low, high, strict=True)]
