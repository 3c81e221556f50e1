"""The order-statistic rule, rule-out by fixed-sequence testing and families, against scipy.stats and brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cxr.errors import OperatingPointError
from cxr.operating_points.risk_control import (
    family_level,
    furthest_rule_out,
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


@pytest.mark.parametrize(
    ("samples", "level"),
    [
        ([1000] * 6, 0.05 / 6),
        ([1000], 0.05),
        ([1000, 10, 10], 0.05),  # ten patients can show no 5 % whatever they score
        ([1000, 1000, 60, 60], 0.05 / 2),  # 60 suffice at 5 %, not at half of it
        ([10, 10], 0.05),
        ([], 0.05),
    ],
)
def test_only_promises_that_could_be_given_share_delta(samples, level):
    assert family_level(samples, 0.05, 0.05) == pytest.approx(level)


@given(st.lists(st.integers(0, 400), max_size=12))
def test_no_more_promises_are_possible_than_the_level_pays_for(samples):
    level = family_level(samples, 0.05, 0.05)
    possible = sum(n >= required_sample(0.05, level) for n in samples)
    assert possible * level <= 0.05 * (1 + 1e-9)


def test_a_family_of_rule_outs_is_rarely_broken_anywhere():
    """Twelve findings whose scores are uniform, so that the miss rate of a threshold is the threshold."""
    rng, broken, trials = np.random.default_rng(0), 0, 600
    sizes = (400, 300, 200, 150, 120, 110, 100, 90, 80, 70, 60, 20)
    level = family_level(sizes, 0.05, 0.05)
    for _ in range(trials):
        scores = [rng.random(n) for n in sizes]
        chosen = [furthest_rule_out(s, s, 0.05, level) for s in scores]
        broken += any(c is not None and c.threshold > 0.05 for c in chosen)
    assert stats.binom.sf(broken - 1, trials, 0.05) > 0.001
    assert broken > 0
