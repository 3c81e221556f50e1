"""The tabulated bounds of the site benchmark are those of the product, and the reading room obeys queueing theory."""

import math

import numpy as np
import pytest

from benchmarks.site import Bounds, weighted_thresholds
from benchmarks.triage import LOAD, waits
from cxr.operating_points.betting import log_against_high, log_against_low


def test_bounds_are_those_of_the_capital():
    bounds = Bounds.of(0.05, 15, 400)
    for n in (1, 20, 50, 160, 400):
        k = np.arange(n + 1)
        withdraw = np.flatnonzero(log_against_low(k, n, 0.05) >= math.log(20))
        confirm = np.flatnonzero(log_against_high(k, n, 0.05) >= math.log(15 / 0.05))
        assert bounds.withdraw[n - 1] == (withdraw[0] if len(withdraw) else n + 1)
        assert bounds.confirm[n - 1] == (confirm[-1] if len(confirm) else -1)


def test_weighted_thresholds_are_the_quantile_of_patients_counted_as_often_as_they_weigh():
    """With whole weights a patient of weight w is w patients; the one to come, at infinity, is among them."""
    rng = np.random.default_rng(0)
    scores, weights = rng.random(300), rng.integers(1, 5, 300)
    for own in (1.0, 3.0):
        everyone = np.sort(np.concatenate([np.repeat(scores, weights), np.full(int(own), np.inf)]))
        few = everyone[np.array([(everyone > score).mean() <= 0.05 for score in everyone])]
        assert weighted_thresholds(scores, weights.astype(float), np.array([own]))[0] == few[0]
    assert np.isinf(weighted_thresholds(scores[:10], np.ones(10), np.ones(1)))


def test_mean_wait_is_that_of_a_queue_with_constant_service_whatever_the_order():
    """M/D/1: load / (2 (1 - load)) readings (Pollaczek 1930); who is first does not change the mean over all."""
    rng = np.random.default_rng(0)
    arrivals = np.cumsum(rng.exponential(1 / LOAD, 60_000))
    costs = rng.random(60_000)
    first, ours = waits(arrivals, np.zeros(60_000)), waits(arrivals, costs)
    assert first.mean() == pytest.approx(LOAD / (2 * (1 - LOAD)), rel=0.15)
    assert ours.mean() == pytest.approx(first.mean())
    assert ours[costs > 0.9].mean() < 0.3 * ours[costs < 0.1].mean()
    assert (np.diff(first + arrivals) > 0).all()
