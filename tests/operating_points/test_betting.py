"""Betting on error rates: closed forms against numerical integration, and how often a true claim is ever refuted."""

import numpy as np
import pytest
from scipy import integrate, stats

from cxr.operating_points.betting import (
    further_patients,
    largest_confirming,
    log_against_high,
    log_against_low,
    rate_interval,
)

NEEDED = np.log(20)


@pytest.mark.parametrize(("k", "n", "limit"), [(0, 10, 0.05), (3, 40, 0.05), (7, 30, 0.3), (5, 5, 0.6)])
def test_capital_is_the_mean_over_all_who_bet(k, n, limit):
    def mean(density, low, high):
        def gain(q):
            return density.pdf(q) * (q / limit) ** k * ((1 - q) / (1 - limit)) ** (n - k)

        total = density.cdf(high) - density.cdf(low)
        return integrate.quad(gain, low, high, limit=200)[0] / total

    low = mean(stats.beta(1, 1 / limit), limit, 1)
    high = mean(stats.beta(0.5, 0.5), 0, limit)
    assert np.exp(log_against_low(k, n, limit)) == pytest.approx(low, rel=1e-5)
    assert np.exp(log_against_high(k, n, limit)) == pytest.approx(high, rel=1e-5)


def test_nobody_expects_to_gain_while_the_claim_is_true():
    """E[capital] after n patients is at most 1 at every rate of the claim, and exactly 1 at its end."""
    n, limit, k = 60, 0.1, np.arange(61)
    for against, rates in ((log_against_low, (0.01, 0.05, 0.1)), (log_against_high, (0.1, 0.3, 0.9))):
        means = [float(stats.binom.pmf(k, n, rate) @ np.exp(against(k, n, limit))) for rate in rates]
        assert max(means) <= 1 + 1e-9
        assert max(means) == pytest.approx(1)


@pytest.mark.parametrize("against", [log_against_low, log_against_high])
def test_a_true_claim_is_ever_refuted_in_at_most_one_of_twenty_streams(against):
    streams = np.cumsum(np.random.default_rng(0).random((600, 600)) < 0.05, axis=1)
    refuted = (against(streams, np.arange(1, 601), 0.05) >= NEEDED).any(axis=1).sum()
    assert refuted <= 41  # 30 at most expected, plus two standard deviations
    assert refuted > 0


def test_intervals_hold_the_rate_at_all_times_and_shrink():
    rng = np.random.default_rng(1)
    missed = 0
    for _ in range(100):
        errors = np.cumsum(rng.random(400) < 0.1)
        ends = [rate_interval(int(errors[n - 1]), n, 0.05) for n in range(20, 401, 20)]
        missed += any(not low <= 0.1 <= high for low, high in ends)
    assert missed <= 10
    assert rate_interval(0, 0, 0.05) == (0, 1)
    assert rate_interval(5, 5, 0.05)[1] == 1
    few, many = rate_interval(5, 50, 0.05), rate_interval(50, 500, 0.05)
    assert few[0] < many[0] < 0.1 < many[1] < few[1]


def test_further_patients_are_the_fewest_that_settle():
    more = further_patients(0, 10, 0.05, 0.0, NEEDED, withdraw=False)
    assert log_against_high(0, 10 + more, 0.05) >= NEEDED > log_against_high(0, 9 + more, 0.05)
    more = further_patients(4, 40, 0.05, 0.1, NEEDED, withdraw=True)
    assert log_against_low(4 + 0.1 * more, 40 + more, 0.05) >= NEEDED
    assert further_patients(50, 1000, 0.05, 0.05, NEEDED, withdraw=True) is None


def test_largest_confirming_is_the_last_count_that_confirms():
    allowed = largest_confirming(500, 0.05, NEEDED)
    assert log_against_high(allowed, 500, 0.05) >= NEEDED > log_against_high(allowed + 1, 500, 0.05)
    assert largest_confirming(20, 0.05, NEEDED) is None
