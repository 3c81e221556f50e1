import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from cxr.imaging.runs import Runs
from cxr.imaging.segmentation import _without_specks

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=14))


def labelled(runs):
    """(h, w): 1 + the root of each pixel's run, 0 outside."""
    picture = np.zeros(runs.shape, dtype=int)
    for row, start, stop, root in zip(runs.rows, runs.starts, runs.stops, runs.roots, strict=True):
        picture[row, start:stop] = root + 1
    return picture


def same_partition(a, b):
    """Whether two label pictures part the pixels alike, whatever the numbers."""
    pairs = {(int(x), int(y)) for x, y in zip(a.ravel(), b.ravel(), strict=True)}
    return len(pairs) == len({x for x, _ in pairs}) == len({y for _, y in pairs})


@given(MASKS, st.booleans())
def test_regions_are_those_of_scipy(mask, diagonal):
    expected, _ = ndimage.label(mask, structure=np.ones((3, 3)) if diagonal else None)
    assert same_partition(labelled(Runs.of(mask, diagonal=diagonal)), expected)


@pytest.mark.parametrize("diagonal", [False, True])
def test_large_noise_too(diagonal):
    mask = np.random.default_rng(0).random((200, 300)) < 0.55
    expected, _ = ndimage.label(mask, structure=np.ones((3, 3)) if diagonal else None)
    assert same_partition(labelled(Runs.of(mask, diagonal=diagonal)), expected)


@given(MASKS)
def test_painting_every_run_gives_the_mask_again(mask):
    runs = Runs.of(mask, diagonal=True)
    np.testing.assert_array_equal(runs.paint(np.ones(len(runs.rows), dtype=bool)), mask)


@given(MASKS)
def test_holes_are_filled_and_specks_removed_as_by_scipy(mask):
    pieces, count = ndimage.label(mask)
    if count:
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        expected = ndimage.binary_fill_holes(np.isin(pieces, np.flatnonzero(sizes >= 0.1 * sizes.max())))
        np.testing.assert_array_equal(_without_specks(mask), expected)
    else:
        np.testing.assert_array_equal(_without_specks(mask), mask)
