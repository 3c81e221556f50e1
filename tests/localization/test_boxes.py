import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError

from cxr.localization import BoxSettings, boxes_from_heatmap, normalize_heatmap

HEATMAPS = arrays(np.float32, (16, 16), elements=st.floats(-50, 50, width=32))


def test_two_rectangles_give_their_boxes_hottest_first():
    heat = np.zeros((40, 50))
    heat[5:15, 10:30] = 0.8
    heat[25:35, 2:8] = 1.0
    first, second = boxes_from_heatmap(heat, BoxSettings(threshold=0.5))
    assert (first.x, first.y, first.width, first.height, first.score) == (2, 25, 6, 10, 1)
    assert (second.x, second.y, second.width, second.height) == (10, 5, 20, 10)
    assert second.score == pytest.approx(0.8)


def test_diagonal_neighbours_are_one_region():
    assert len(boxes_from_heatmap(np.eye(8), BoxSettings(threshold=0.5))) == 1


@pytest.mark.parametrize("value", [0.0, -3.0, 1e6])
def test_constant_map_has_no_box_and_no_nan(value):
    heat = np.full((8, 8), value)
    assert boxes_from_heatmap(heat, BoxSettings()) == ()
    assert (normalize_heatmap(heat) == 0).all()


def test_small_regions_and_surplus_regions_are_dropped():
    heat = np.zeros((100, 100))
    heat[0, 0] = 1
    for k in range(5):
        heat[10:20, 20 * k : 20 * k + 10] = 0.9
    boxes = boxes_from_heatmap(heat, BoxSettings(threshold=0.5, min_area=0.002, max_boxes=3))
    assert len(boxes) == 3
    assert all(b.width == 10 and b.height == 10 for b in boxes)


@given(HEATMAPS, st.integers(-6, 6), st.integers(-100, 100))
def test_boxes_do_not_depend_on_scale_and_offset(heat, power, offset):
    settings = BoxSettings(threshold=0.5, min_area=0)
    whole = np.round(heat).astype(np.float64)
    assert boxes_from_heatmap(whole, settings) == boxes_from_heatmap(whole * 2.0**power + offset, settings)


@given(HEATMAPS)
def test_boxes_lie_inside_the_map(heat):
    for box in boxes_from_heatmap(heat, BoxSettings(threshold=0.6, min_area=0, max_boxes=50)):
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= 16
        assert box.y + box.height <= 16
        assert 0.6 <= box.score <= 1


@pytest.mark.parametrize("heat", [np.zeros((2, 2, 2)), np.zeros((0, 4)), np.array([[np.nan, 1.0]])])
def test_what_is_no_heatmap_is_refused(heat):
    with pytest.raises(ValueError, match="heatmap"):
        boxes_from_heatmap(heat, BoxSettings())


def test_unknown_setting_is_refused_by_name():
    with pytest.raises(ValidationError, match="treshold"):
        BoxSettings(treshold=0.5)
