"""The order-statistic rule against scipy.stats, brute force and the published sample sizes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cxr.errors import OperatingPointError
from cxr.operating_points.neyman_pearson import (
    order_statistic,
    required_sample,
    smallest_rank,
    violation_probability,
)


@pytest.mark.parametrize(("limit", "n"), [(0.01, 299), (0.005, 598), (0.001, 2995), (0.05, 59)])
def test_required_sample_at_95_percent_is_the_published_number(limit: float, n: int) -> None:
    assert required_sample(limit, 0.05) == n
    assert smallest_rank(n, limit, 0.05) == n  # only the largest score will do
    assert smallest_rank(n - 1, limit, 0.05) is None


@given(st.floats(0.0005, 0.6), st.floats(0.001, 0.9))
def test_required_sample_is_the_smallest(limit: float, delta: float) -> None:
    n = required_sample(limit, delta)
    assert (1 - limit) ** n <= delta * (1 + 1e-9)
    assert n == 1 or (1 - limit) ** (n - 1) > delta * (1 - 1e-9)


@given(st.integers(1, 3000), st.floats(0.002, 0.3), st.floats(0.005, 0.7))
def test_rank_is_the_smallest_whose_binomial_tail_is_within_delta(n: int, limit: float, delta: float) -> None:
    ranks = np.arange(1, n + 1)
    tails = stats.binom.sf(ranks - 1, n, 1 - limit)  # P(at least k of n negatives below the threshold), Tong 2018
    passing = ranks[tails <= delta * (1 - 1e-9)]
    k = smallest_rank(n, limit, delta)
    if k is None:
        assert not len(passing)
    else:
        assert tails[k - 1] <= delta * (1 + 1e-9)
        assert len(passing) == 0 or k <= passing[0]


@pytest.mark.parametrize("n", [299, 450, 598, 1200])
def test_violation_probability_agrees_with_simulation(n: int) -> None:
    limit = 0.01
    k = smallest_rank(n, limit, 0.05)
    assert k is not None
    draws = np.random.default_rng(n).random((20_000, n))  # uniform: the rate above t is 1 - t
    kth = np.partition(draws, k - 1, axis=1)[:, k - 1]
    simulated = float((1 - kth > limit).mean())
    expected = violation_probability(n, k, limit)
    assert expected <= 0.05
    assert simulated == pytest.approx(expected, abs=4 * np.sqrt(expected / 20_000))


def test_ties_only_make_the_rule_more_careful() -> None:
    rng = np.random.default_rng(1)
    distribution = np.linspace(0, 1, 12)  # only twelve different scores
    violations = 0
    for _ in range(400):
        chosen = order_statistic(rng.choice(distribution, 500), 0.1, 0.05)
        assert chosen is not None
        violations += float((distribution > chosen.threshold).mean()) > 0.1
    assert violations / 400 <= 0.05


@given(st.integers(300, 800))
def test_threshold_is_the_kth_smallest_score(n: int) -> None:
    scores = np.random.default_rng(n).random(n)
    chosen = order_statistic(scores, 0.01, 0.05)
    assert chosen is not None
    assert np.sum(scores <= chosen.threshold) == chosen.k
    assert chosen.threshold in scores


@pytest.mark.parametrize(("limit", "delta"), [(0.0, 0.05), (1.0, 0.05), (0.01, 0.0), (0.01, 1.5)])
def test_levels_outside_the_unit_interval_are_refused(limit: float, delta: float) -> None:
    with pytest.raises(OperatingPointError, match="strictly between 0 and 1"):
        required_sample(limit, delta)


def test_a_score_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(OperatingPointError, match="not finite"):
        order_statistic([0.1, float("nan")], 0.5, 0.5)
