"""The letterbox: nothing cut, nothing stretched, and boxes that come back where they were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr.imaging.preprocessing import Placement, prepare

sides = st.integers(32, 400)
sizes = st.sampled_from([96, 224, 256])


@given(height=sides, width=sides, size=sizes, aspect=st.sampled_from([0.5, 1.0, 1.7]))
def test_boxes_come_back(height, width, size, aspect):
    _, placement = prepare(np.zeros((height, width), np.float32), size, aspect)
    box = (0.1 * width, 0.2 * height, 0.5 * width, 0.25 * height)
    assert placement.box_to_input(*placement.box_to_network(*box)) == pytest.approx(box)


@given(height=sides, width=sides, size=sizes)
def test_the_whole_image_fits_and_fills_one_side(height, width, size):
    square, placement = prepare(np.ones((height, width), np.float32), size)
    assert square.shape == (size, size)
    assert square.dtype == np.uint8
    assert placement.size == size
    x, y, inner_width, inner_height = placement.box_to_network(0, 0, width, height)
    assert max(inner_width, inner_height) == pytest.approx(size)
    # Ones stay ones to within the half pixel that whole margins cost.
    assert np.count_nonzero(square) == pytest.approx(inner_width * inner_height, abs=size)
    assert set(np.unique(square)) <= {0, 255}
    assert min(x, y) >= 0


@given(height=sides, width=sides, size=sizes)
def test_the_margins_are_equal(height, width, size):
    square, _ = prepare(np.ones((height, width), np.float32), size)
    for lit in (square.any(axis=0), square.any(axis=1)):
        filled = np.flatnonzero(lit)
        assert abs(filled[0] - (size - 1 - filled[-1])) <= 1


def test_an_image_of_the_right_size_is_only_quantised():
    pixels = np.random.default_rng(0).integers(0, 256, (224, 224)).astype(np.float32) / 255
    square, _ = prepare(pixels, 224)
    assert np.array_equal(square, np.rint(pixels * 255))


def test_pixel_aspect_makes_tall_pixels_taller():
    _, placement = prepare(np.ones((100, 100), np.float32), 200, pixel_aspect=2.0)
    assert placement.box_to_network(0, 0, 100, 100) == pytest.approx((50, 0, 100, 200))


def test_fine_stripes_become_gray_not_moire():
    stripes = np.tile(np.array([0, 1], np.float32), (1024, 512))
    square, _ = prepare(stripes, 128)
    assert square[8:-8, 8:-8] == pytest.approx(127.5, abs=3)


def test_a_heatmap_lands_on_what_it_was_computed_from():
    pixels = np.zeros((300, 150), np.float32)
    pixels[200:230, 100:120] = 1
    square, placement = prepare(pixels, 224)
    heat = placement.heatmap_to_input(square.astype(np.float32) / 255)
    assert heat.shape == pixels.shape
    assert heat.dtype == np.float32
    rows, columns = np.nonzero(heat > 0.5)
    assert (rows.min(), columns.min()) == pytest.approx((200, 100), abs=2)
    assert (rows.max(), columns.max()) == pytest.approx((229, 119), abs=2)


def test_a_coarse_heatmap_covers_the_image():
    placement = Placement(1.0, 0.0, 0.0, 224, 224)
    heat = placement.heatmap_to_input(np.arange(49, dtype=np.float32).reshape(7, 7))
    assert heat.shape == (224, 224)
    assert (np.diff(heat, axis=1) >= 0).all()
    assert (heat[0, 0], heat[-1, -1]) == (0, 48)


@pytest.mark.parametrize("shape", [(100, 200), (200, 100)])
def test_a_map_may_have_other_rows_than_columns(shape):
    """Each cell covers its own share of the square, whatever their number across and down."""
    rows, columns = np.indices(shape, dtype=np.float32)
    square, placement = prepare((rows / shape[0] + columns / shape[1]) / 2, 224)
    fine = placement.heatmap_to_input(square / 255)
    coarse = placement.heatmap_to_input(square.reshape(56, 4, 112, 2).mean(axis=(1, 3)) / 255)
    assert np.abs(fine - coarse)[20:-20, 20:-20].max() < 0.02
