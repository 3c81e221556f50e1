"""Splits by patient: no patient on two sides, rare labels on every side."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr.errors import DatasetError

__all__ = ["DEFAULT_FRACTIONS", "assign_splits", "leaking_patients"]

DEFAULT_FRACTIONS: Mapping[str, float] = {"train": 0.65, "val": 0.15, "test": 0.2}
"""Shares of the patients. Validation patients also calibrate scores and thresholds, which takes hundreds of them."""


def assign_splits(
    patients: Sequence[str], labels: NDArray[np.floating], fractions: Mapping[str, float], seed: int
) -> NDArray[np.str_]:
    """Split images by patient, stratified by label (iterative stratification, Sechidis 2011).

    Labels are dealt out one at a time, the rarest first: each patient with that label goes where most of it is still
    missing. A patient counts as positive for a label if one of the images does.

    Args:
        patients: patient of each image.
        labels: (N, L); 1 is positive, everything else is not.
        fractions: name of each split -> its share of the patients; the shares sum to 1.
        seed: decides among equals.

    Returns:
        (N,) name of each image's split.

    Raises:
        DatasetError: if the shares do not sum to 1, or there are fewer patients than splits.
    """
    names, shares = list(fractions), np.array(list(fractions.values()), dtype=np.float64)
    if shares.min() < 0 or abs(shares.sum() - 1) > 1e-6:
        raise DatasetError(f"split shares must be positive and sum to 1, not {dict(fractions)}")
    unique, codes = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    if len(unique) < np.count_nonzero(shares):
        raise DatasetError(f"{len(unique)} patients cannot be split into {np.count_nonzero(shares)} parts")
    positive = np.zeros((len(unique), labels.shape[1]), dtype=bool)
    np.logical_or.at(positive, codes, labels == 1)
    return np.array(names)[_stratify(positive, shares, np.random.default_rng(seed))[codes]]


def _stratify(positive: NDArray[np.bool_], shares: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.intp]:
    """Index of the split of each row of ``positive`` (P, L)."""
    count = len(positive)
    room = shares * count  # patients that each split still lacks
    wanted = shares[:, None] * positive.sum(0)  # positives of each label that it still lacks
    chosen = np.full(count, -1)
    order = rng.permutation(count)
    while (left := order[chosen[order] < 0]).size:
        remaining = positive[left].sum(0)
        label = int(np.where(remaining > 0, remaining, count + 1).argmin()) if remaining.any() else None
        for patient in left if label is None else left[positive[left, label]]:
            need = room if label is None else wanted[:, label]
            best = np.flatnonzero(need == need.max())
            split = int(best[room[best].argmax()])
            chosen[patient] = split
            room[split] -= 1
            wanted[split] -= positive[patient]
    return chosen


def leaking_patients(patients: pd.Series, splits: pd.Series) -> list[str]:
    """Patients with images in more than one split, sorted; images without a split are passed over."""
    assigned = splits != ""
    sides = splits[assigned].groupby(patients[assigned]).nunique()
    return sorted(sides.index[sides > 1].astype(str))
