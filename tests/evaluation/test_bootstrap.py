"""The bootstrap draws patients, repeats, and its intervals cover."""

import numpy as np
import pytest
from scipy import stats

from cxr.errors import CxrError
from cxr.evaluation.bootstrap import bootstrap, estimates, percentile_interval


def mean_of(values: np.ndarray):
    return lambda weights: (weights @ values / weights.sum(axis=1))[:, None]


def test_images_of_a_patient_are_drawn_together() -> None:
    patients = np.array(["a", "b", "a", "c", "b", "b"])
    seen = []

    def statistic(weights):
        seen.append(weights)
        return weights.sum(axis=1, keepdims=True).astype(float)

    bootstrap(statistic, patients, resamples=200, seed=3)
    drawn = seen[0]
    assert drawn.shape == (200, 6)
    assert (drawn[:, 0] == drawn[:, 2]).all()
    assert (drawn[:, 1] == drawn[:, 4]).all()
    assert (drawn[:, [0, 1, 3]].sum(axis=1) == 3).all()  # three patients are drawn each time


def test_equal_seeds_repeat_and_chunks_do_not_matter(monkeypatch) -> None:
    values = np.random.default_rng(0).normal(size=300)
    patients = np.arange(300) // 3
    whole = bootstrap(mean_of(values), patients, 50, seed=1)
    monkeypatch.setattr("cxr.evaluation.bootstrap._CHUNK_ELEMENTS", 300 * 7)
    assert bootstrap(mean_of(values), patients, 50, seed=1).resampled == pytest.approx(whole.resampled)
    assert not np.array_equal(bootstrap(mean_of(values), patients, 50, seed=2).resampled, whole.resampled)


def test_spread_is_that_of_clusters_not_of_images() -> None:
    rng = np.random.default_rng(4)
    level = rng.normal(size=400)
    values, patients = np.repeat(level, 5), np.repeat(np.arange(400), 5)  # five equal images each
    spread = bootstrap(mean_of(values), patients, 2000).resampled.std()
    assert spread == pytest.approx(level.std() / np.sqrt(400), rel=0.06)


def test_undefined_resamples_are_skipped_and_an_undefined_value_has_no_interval() -> None:
    low, high = percentile_interval(np.array([[np.nan, 1.0], [2.0, 1.0], [4.0, 1.0]]))
    assert low == pytest.approx([2.05, 1])
    assert high == pytest.approx([3.95, 1])
    undefined = estimates(bootstrap(lambda w: np.full((len(w), 1), np.nan), ["a", "b"], 5))[0]
    assert np.isnan([undefined.value, undefined.low, undefined.high]).all()


def test_nothing_to_resample_is_refused() -> None:
    with pytest.raises(CxrError, match="0 images"):
        bootstrap(mean_of(np.zeros(0)), [], 10)
    with pytest.raises(CxrError, match="0 resamples"):
        bootstrap(mean_of(np.zeros(1)), ["a"], 0)


def test_interval_of_a_mean_covers_it() -> None:
    covered = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        values = np.repeat(rng.normal(size=150), 2)
        estimate = estimates(bootstrap(mean_of(values), np.repeat(np.arange(150), 2), 300, seed))[0]
        covered += estimate.low <= 0 <= estimate.high
    assert stats.binomtest(covered, 300, 0.95).pvalue > 0.001
