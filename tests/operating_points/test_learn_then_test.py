"""Rule-out by fixed-sequence testing: exact p-values, the order statistic as its limit, and the promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cxr.operating_points.learn_then_test import furthest_rule_out
from cxr.operating_points.neyman_pearson import order_statistic, required_sample


@given(st.integers(1, 500), st.integers(0, 1000))
def test_on_all_scores_it_is_the_mirrored_order_statistic(n: int, seed: int) -> None:
    scores = np.random.default_rng(seed).random(n)
    tested, mirrored = furthest_rule_out(scores, scores, 0.05, 0.05), order_statistic(-scores, 0.05, 0.05)
    if n < required_sample(0.05, 0.05):
        assert tested is mirrored is None
    else:
        assert tested is not None
        assert mirrored is not None
        assert tested.threshold == -mirrored.threshold
        assert tested.k == n + 1 - mirrored.k


def test_it_stops_at_the_first_candidate_that_fails() -> None:
    diseased = np.linspace(0, 1, 200)
    found = furthest_rule_out(diseased, [0.0, 0.01, 0.02, 0.3, 0.6], 0.05, 0.05)
    assert found is not None
    assert found.threshold == 0.02  # 4 of 200 below; at 0.3 there are 60
    assert found.p_value == pytest.approx(stats.binom.cdf(4, 200, 0.05))


def test_a_coarser_sequence_is_never_bolder() -> None:
    diseased = np.random.default_rng(0).random(300)
    fine = furthest_rule_out(diseased, diseased, 0.05, 0.05)
    coarse = furthest_rule_out(diseased, np.linspace(0, 1, 40), 0.05, 0.05)
    assert fine is not None
    assert coarse is not None
    assert coarse.threshold <= fine.threshold


def test_nothing_is_ruled_out_without_patients_or_where_the_first_candidate_fails() -> None:
    assert furthest_rule_out([], [0.1], 0.05, 0.05) is None
    assert furthest_rule_out(np.linspace(0, 1, 100), [0.5], 0.05, 0.05) is None


def test_the_miss_rate_is_kept_whatever_the_sequence() -> None:
    rng = np.random.default_rng(1)
    broken = 0
    for _ in range(2000):
        diseased, healthy = rng.random(150), rng.random(40)
        found = furthest_rule_out(diseased, healthy, 0.05, 0.05)  # uniform: the miss rate is the threshold itself
        broken += found is not None and found.threshold > 0.05
    assert broken / 2000 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)
