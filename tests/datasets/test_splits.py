"""Splits: patients stay whole, shares are kept, rare labels reach every side."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.datasets.splits import assign_splits, leaking_patients
from cxr.errors import DatasetError

SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), patients=st.integers(3, 60))
def test_patients_stay_whole(seed, patients):
    rng = np.random.default_rng(seed)
    owners = rng.integers(0, patients, 3 * patients).astype(str)
    owners = np.concatenate([np.arange(patients).astype(str), owners])
    splits = assign_splits(list(owners), rng.integers(0, 2, (len(owners), 3)), SHARES, seed)
    assert leaking_patients(pd.Series(owners), pd.Series(splits)) == []


@pytest.mark.parametrize("other", [0.0, -1.0, np.nan])
@pytest.mark.parametrize("seed", range(5))
def test_a_patient_with_one_positive_image_counts_as_positive(seed, other):
    """Ten of forty patients, their later image negative, uncertain or unknown, as all of the others' are."""
    patients = [str(row) for row in range(40) for _ in range(2)]
    labels = np.full((80, 1), other)
    labels[0:20:2] = 1
    splits = assign_splits(patients, labels, {"train": 0.5, "test": 0.5}, seed)
    assert (splits[0:20:2] == "train").sum() == 5
    assert (splits[20::2] == "train").sum() == 15


def test_shares_and_rare_labels_are_kept():
    rng = np.random.default_rng(0)
    labels = (rng.random((1000, 4)) < [0.3, 0.1, 0.03, 0.01]).astype(float)
    labels[:10, 3] = 1
    splits = assign_splits([str(row) for row in range(1000)], labels, SHARES, 1)
    for name, share in SHARES.items():
        assert (splits == name).mean() == pytest.approx(share, abs=0.02)
        for label in range(4):
            expected = share * labels[:, label].sum()
            assert labels[splits == name, label].sum() == pytest.approx(expected, abs=max(2, 0.05 * expected))


def test_the_seed_decides():
    labels = np.zeros((200, 1))
    patients = [str(row) for row in range(200)]
    first = assign_splits(patients, labels, SHARES, 1)
    assert np.array_equal(first, assign_splits(patients, labels, SHARES, 1))
    assert not np.array_equal(first, assign_splits(patients, labels, SHARES, 2))


def test_uncertain_and_unknown_do_not_count_as_positive():
    labels = np.array([[-1.0], [np.nan], [1.0], [0.0]])
    assert set(assign_splits(list("abcd"), labels, {"train": 0.5, "test": 0.5}, 0)) == {"train", "test"}


@pytest.mark.parametrize("shares", [{"train": 0.5, "test": 0.4}, {"train": 1.2, "test": -0.2}])
def test_shares_that_are_none(shares):
    with pytest.raises(DatasetError, match="sum to 1"):
        assign_splits(["a", "b"], np.zeros((2, 1)), shares, 0)


def test_too_few_patients():
    with pytest.raises(DatasetError, match="2 patients"):
        assign_splits(["a", "b"], np.zeros((2, 1)), SHARES, 0)
