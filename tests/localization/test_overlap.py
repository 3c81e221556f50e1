import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr.localization import iobb, iou

BOX = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 12), st.integers(1, 12))


def _mask(box):
    x, y, w, h = box
    mask = np.zeros((40, 40), dtype=bool)
    mask[y : y + h, x : x + w] = True
    return mask


@given(BOX, BOX)
def test_integer_boxes_agree_with_pixel_counting(p, t):
    a, b = _mask(p), _mask(t)
    assert iou([p], [t])[0, 0] == pytest.approx((a & b).sum() / (a | b).sum())
    assert iobb([p], [t])[0, 0] == pytest.approx((a & b).sum() / a.sum())


@given(st.lists(BOX, max_size=4), st.lists(BOX, max_size=4))
def test_shape_symmetry_and_order(ps, ts):
    assert iou(ps, ts).shape == (len(ps), len(ts))
    np.testing.assert_allclose(iou(ps, ts), iou(ts, ps).T)
    assert (iobb(ps, ts) >= iou(ps, ts) - 1e-12).all()


def test_tiny_box_inside_is_what_iobb_rewards():
    assert iobb([[5, 5, 1, 1]], [[0, 0, 10, 10]])[0, 0] == 1
    assert iou([[5, 5, 1, 1]], [[0, 0, 10, 10]])[0, 0] == pytest.approx(0.01)


def test_empty_box_overlaps_nothing():
    assert iou([[1, 1, 0, 0]], [[1, 1, 0, 0]])[0, 0] == 0
    assert iobb([[1, 1, 0, 5]], [[0, 0, 9, 9]])[0, 0] == 0


@pytest.mark.parametrize("box", [[0, 0, -1, 2], [0, 0, np.nan, 1]])
def test_impossible_box_is_refused(box):
    with pytest.raises(ValueError, match="box"):
        iou([box], [[0, 0, 1, 1]])
