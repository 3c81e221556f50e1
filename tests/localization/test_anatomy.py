import numpy as np
import pytest

from cxr.localization.anatomy import OUTSIDE, Anatomy, confine, lung_field


@pytest.fixture
def anatomy() -> Anatomy:
    masks = np.zeros((3, 20, 30), dtype=bool)
    masks[0, 4:16, 3:12] = True
    masks[1, 4:16, 18:27] = True
    masks[2, 10:17, 11:19] = True
    return Anatomy(*masks)


def test_a_lung_without_its_middle_is_still_looked_at_there():
    lung = np.ones((9, 7), dtype=bool)
    lung[3:6, 2:5] = False
    assert lung_field(lung).all()
    assert not lung_field(np.zeros((3, 3), dtype=bool)).any()


def test_the_field_of_a_convex_outline_is_the_outline(anatomy: Anatomy):
    assert np.array_equal(lung_field(anatomy.right_lung), anatomy.right_lung)


def test_heat_outside_the_lungs_is_turned_down_and_inside_kept(anatomy: Anatomy):
    heat = np.full((20, 30), 0.8, dtype=np.float32)
    confined = confine(heat, "Mass", anatomy)
    lungs = anatomy.right_lung | anatomy.left_lung
    assert np.allclose(confined[lungs], 0.8)
    assert np.allclose(confined[~lungs], 0.8 * OUTSIDE)


def test_fluid_below_what_is_left_of_a_lung_keeps_its_heat(anatomy: Anatomy):
    heat = np.full((20, 30), 0.8, dtype=np.float32)
    confined = confine(heat, "Effusion", anatomy)
    assert np.allclose(confined[4:, 3:12], 0.8), "down to the lower edge of the picture"
    assert np.allclose(confined[:4], 0.8 * OUTSIDE), "but not above the lung"
    assert np.allclose(confined[:, :3], 0.8 * OUTSIDE), "nor beside it"


def test_a_large_heart_is_where_the_heart_is(anatomy: Anatomy):
    heat = np.random.default_rng(0).random((20, 30), dtype=np.float32)
    assert np.array_equal(confine(heat, "Cardiomegaly", anatomy), anatomy.heart)


def test_without_the_outline_the_heatmap_stands(anatomy: Anatomy):
    heat = np.random.default_rng(0).random((20, 30), dtype=np.float32)
    empty = Anatomy(anatomy.right_lung, np.zeros_like(anatomy.left_lung), np.zeros_like(anatomy.heart))
    for finding in ("Mass", "Cardiomegaly"):
        assert np.array_equal(confine(heat, finding, empty), heat)
    assert np.array_equal(confine(heat, "Hernia", anatomy), heat)
