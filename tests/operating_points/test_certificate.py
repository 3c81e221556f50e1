"""Exact intervals and the invariants of a certificate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from cxr.operating_points import Certificate, Proportion


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_proportion_interval_is_clopper_pearson(counts: tuple[int, int]) -> None:
    count, n = counts
    expected = stats.binomtest(count, n).proportion_ci(0.95, method="exact")
    found = Proportion.of(count, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def certificate(**changes) -> Certificate:
    values = {
        "criterion": "false_positive_rate",
        "limit": 0.01,
        "delta": 0.05,
        "n": 299,
        "k": 299,
        "threshold": 0.5,
        "violation": 0.0495,
        "guarantee": "...",
    }
    return Certificate(**(values | changes))


@pytest.mark.parametrize("changes", [{"k": 300}, {"violation": 0.06}, {"threshold": 1.5}, {"limit": 0.0}, {"kk": 1}])
def test_a_certificate_that_cannot_be_true_is_refused(changes: dict) -> None:
    certificate()
    with pytest.raises(ValidationError):
        certificate(**changes)
