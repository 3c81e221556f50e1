import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cxr.models.pooling import AveragePooling, LogSumExpPooling, MaxPooling


def reference_lse(values: list[float], r: float) -> float:
    """Wang 2017, equation 2, term by term in double precision."""
    top = max(values)
    return top + math.log(sum(math.exp(r * (v - top)) for v in values) / len(values)) / r


@given(
    values=st.lists(st.floats(-50, 50), min_size=4, max_size=4),
    r=st.sampled_from([0.1, 0.5, 1.0, 5.0, 10.0]),
)
def test_lse_is_the_papers_equation(values: list[float], r: float):
    pooled = LogSumExpPooling(r)(torch.tensor(values, dtype=torch.float64).reshape(1, 1, 2, 2))
    assert pooled.item() == pytest.approx(reference_lse(values, r), abs=1e-9)


def test_lse_lies_between_mean_and_maximum_and_reaches_both():
    features = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    mean, top = AveragePooling()(features), MaxPooling()(features)
    pooled = LogSumExpPooling(4.0)(features)
    assert bool(((mean < pooled) & (pooled < top)).all())
    torch.testing.assert_close(LogSumExpPooling(1e-6)(features), mean, atol=1e-5, rtol=0)
    torch.testing.assert_close(LogSumExpPooling(1e5)(features), top, atol=1e-3, rtol=0)


def test_lse_does_not_overflow():
    assert LogSumExpPooling(10.0)(torch.full((1, 1, 4, 4), 1e4)).item() == pytest.approx(1e4)


@pytest.mark.parametrize("r", [0.0, -1.0])
def test_sharpness_must_be_positive(r: float):
    with pytest.raises(ValueError, match="r must be > 0"):
        LogSumExpPooling(r)
