"""Tubes against the closed form of a chord."""

import numpy as np
import pytest

from cxr.phantom.frame import Frame
from cxr.phantom.tubes import along, draw_tubes, strands_by_radius

FRAME = Frame(256, 25.6)
LINE = [np.array([[-12.0, 0.0], [12.0, 0.0]])]


def chord(radius: float) -> np.ndarray:
    y = FRAME.grid[1][:, 128]
    return 2 * np.sqrt(np.maximum(radius**2 - y**2, 0.0))


@pytest.mark.parametrize("radius", [0.5, 1.0, 2.0])
def test_solid_tube_is_the_chord_of_its_disc(radius):
    profile = draw_tubes(FRAME, [along(LINE, radius)])[:, 128]
    inner = np.abs(FRAME.grid[1][:, 128]) < 0.85 * radius - FRAME.pixel_cm
    assert profile[inner] == pytest.approx(chord(radius)[inner], rel=0.03)


def test_hollow_tube_is_the_difference_of_two():
    profile = draw_tubes(FRAME, [along(LINE, 1.5, wall=0.5)])[:, 128]
    middle = np.abs(FRAME.grid[1][:, 128]) < 0.7
    assert profile[middle] == pytest.approx((chord(1.5) - chord(1.0))[middle], rel=0.05)


def test_volume_is_kept_below_the_pixel():
    thin = draw_tubes(FRAME, [along([np.array([[-5.0, 0.3], [5.0, 0.7]])], 0.03)])
    length = np.hypot(10.0, 0.4)
    assert thin.sum() * FRAME.pixel_cm**2 == pytest.approx(np.pi * 0.03**2 * length, rel=0.05)


def test_calibres_keep_their_volume():
    rng = np.random.default_rng(0)
    points, radius = rng.uniform(-8, 8, (400, 2)), rng.uniform(0.02, 0.5, 400)
    drawn = draw_tubes(FRAME, strands_by_radius(points, np.full(400, 0.2), radius))
    assert drawn.sum() * FRAME.pixel_cm**2 == pytest.approx((np.pi * radius**2 * 0.2).sum(), rel=0.05)


def test_tubes_outside_the_film_do_not_wrap_around():
    outside = draw_tubes(FRAME, [along([np.array([[-12.0, 20.0], [12.0, 20.0]])], 1.0)])
    assert outside.max() == pytest.approx(0.0, abs=1e-4)
