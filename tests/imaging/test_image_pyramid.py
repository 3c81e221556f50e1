"""Large films are reduced at little cost: small ones bit for bit as ever, large ones all but so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cxr.imaging.preprocessing import ImagePyramid, prepare
from cxr.imaging.quality import GATE_SIZE, gate_input

SIDE = 32
GATE_COPY = 160  # the longer side of what the gate reduces to its square


def noise(height, width):
    return np.random.default_rng([height, width]).random((height, width), dtype=np.float32)


def overview(pixels):
    return ImagePyramid(pixels).overview(SIDE)


def resampled(pixels, size, resampling):
    """The exact antialiased resampling in 256 grays, as signed numbers."""
    picture = Image.fromarray(pixels).resize(size, resampling)
    return np.rint(np.clip(np.asarray(picture), 0, 1) * 255).astype(int)


def pair(pixels, size):
    """What the networks see of a square film, and what they would see without a reduction: twice two pictures."""
    seen = prepare(pixels, size)[0].astype(int), gate_input(pixels).astype(int)
    copy = pixels
    if len(pixels) > GATE_COPY:
        copy = resampled(pixels, (GATE_COPY, GATE_COPY), Image.Resampling.BICUBIC).astype(np.float32) / np.float32(255)
    exact = (
        resampled(pixels, (size, size), Image.Resampling.BICUBIC),
        resampled(copy, (GATE_SIZE, GATE_SIZE), Image.Resampling.BILINEAR),
    )
    return seen, exact


@pytest.fixture(scope="module")
def radiographs(shared_data):
    """Twenty real radiographs of 256 pixels."""
    return [Image.open(path).convert("L") for path in sorted((shared_data / "nih" / "images").glob("*.jpg"))[::97][:20]]


@given(height=st.integers(SIDE, 300), width=st.integers(SIDE, 300))
def test_blocks_are_those_of_pillow(height, width):
    film = noise(height, width)
    found = overview(film)
    factor = round(width / found.width)
    assert found.pixels == pytest.approx(np.asarray(Image.fromarray(film).reduce(factor)), abs=1e-6)
    assert (found.width * factor, found.height * factor) == pytest.approx((width, height))


@given(height=st.integers(1, 300), width=st.integers(1, 300))
def test_an_overview_is_large_enough_and_its_own_overview(height, width):
    film = noise(height, width)
    rows, columns = overview(film).pixels.shape
    assert max(rows, columns) >= min(SIDE, height, width)
    assert min(rows, columns) >= min(SIDE // 2, height, width)
    again = overview(overview(film).pixels)
    assert again.pixels.shape == (rows, columns)


def test_a_white_film_stays_white():
    assert (overview(np.ones((101, 99), np.float32)).pixels == 1).all()


def test_gate_and_network_look_at_one_reduction_of_a_film():
    """Computed once, and the same pictures as each would make of the film alone."""
    pyramid = ImagePyramid(noise(2000, 1700))
    assert np.array_equal(gate_input(pyramid), gate_input(pyramid.pixels))
    reduced = pyramid.overview()
    assert np.array_equal(prepare(pyramid, 224)[0], prepare(pyramid.pixels, 224)[0])
    assert pyramid.overview() is reduced
    assert prepare(pyramid, 512)[1] == prepare(pyramid.pixels, 512)[1]


@pytest.mark.parametrize("side", [96, 256, 1024, 1535])
def test_smaller_films_give_the_exact_resampling(side):
    for seen, exact in zip(*pair(noise(side, side), 256), strict=True):
        assert np.array_equal(seen, exact)


def test_a_large_square_is_not_made_from_less(radiographs):
    film = np.asarray(radiographs[0].resize((2000, 2000)), dtype=np.float32) / np.float32(255)
    assert np.array_equal(prepare(film, 512)[0], resampled(film, (512, 512), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("side", [1537, 2500, 3072])
def test_real_large_films_give_all_but_the_exact_resampling(radiographs, side):
    differences = []
    for picture in radiographs:
        film = np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float32) / np.float32(255)
        differences.append([np.abs(seen - exact) for seen, exact in zip(*pair(film, 256), strict=True)])
    for ours in zip(*differences, strict=True):
        assert np.mean(ours) < 0.05
        # A block that the border cuts off weighs as much as a whole one, which shows along a bright border.
        assert np.max(ours) <= 8
        assert np.max([difference[1:-1, 1:-1] for difference in ours]) <= 4
