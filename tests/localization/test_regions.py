import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from cxr.localization.boxes import connected_regions


def by_scipy(heat, threshold):
    """The same by another route."""
    labels, count = ndimage.label(heat >= threshold, structure=np.ones((3, 3)))
    found = []
    for label, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        inside = labels == label
        box = (columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
        found.append((*box, int(inside.sum()), float(heat[inside].max())))
    assert len(found) == count
    return sorted(found)


@given(
    arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=14), elements=st.sampled_from([0, 0.25, 0.5, 1])),
    st.sampled_from([0.0, 0.3, 0.5, 1.0]),
)
def test_regions_are_those_of_scipy(heat, threshold):
    found = [(r.x, r.y, r.width, r.height, r.area, r.peak) for r in connected_regions(heat, threshold)]
    assert sorted(found) == by_scipy(heat, threshold)


@pytest.mark.parametrize("size", [7, 224])
def test_noise_and_spirals_too(size):
    rng = np.random.default_rng(size)
    heat = rng.random((size, size), dtype=np.float32)
    for threshold in (0.4, 0.6, 0.9):
        found = [(r.x, r.y, r.width, r.height, r.area, r.peak) for r in connected_regions(heat, threshold)]
        assert sorted(found) == by_scipy(heat, threshold)


def test_nothing_above_the_threshold_is_no_region():
    assert connected_regions(np.zeros((4, 5), np.float32), 0.5) == []
