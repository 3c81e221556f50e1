import numpy as np
import pytest

from benchmarks.localization.fit_boxes import fit_box_settings
from cxr.localization import BoxSettings


def bump(x: float, y: float, spread: float) -> np.ndarray:
    grid_y, grid_x = np.mgrid[:64, :64]
    return np.exp(-((grid_x - x) ** 2 + (grid_y - y) ** 2) / (2 * spread**2)).astype(np.float32)


def test_the_cut_fits_the_size_of_what_is_looked_for():
    """A Gaussian cut at its half width gives a box of 2.35 spreads; wider truth needs a lower cut."""
    heat = [bump(30, 30, 8), bump(25, 35, 8)]
    centres = [(30, 30), (25, 35)]

    def boxes(half: float) -> list[np.ndarray]:
        return [np.array([[x - half, y - half, 2 * half, 2 * half]]) for x, y in centres]

    narrow, wide = (fit_box_settings(heat, boxes(half)).threshold for half in (5.0, 13.0))
    assert wide < 0.5 < narrow


def test_a_second_box_is_allowed_only_where_it_finds_something():
    two = [bump(15, 30, 5) + 0.9 * bump(48, 30, 5)]
    candidates = [BoxSettings(threshold=0.5, max_boxes=n) for n in (1, 2)]
    one_true, both_true = [np.array([[10, 25, 11, 11]])], [np.array([[10, 25, 11, 11], [43, 25, 11, 11]])]
    assert fit_box_settings(two, one_true, candidates).max_boxes == 1
    assert fit_box_settings(two, both_true, candidates).max_boxes == 2


def test_nothing_to_choose_by_is_an_error():
    with pytest.raises(ValueError, match="at least one image"):
        fit_box_settings([], [])
