"""Blocks of text are refused; markers and single words, and all that is no text, are not."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.burnt_in_text import MOST_CHARACTERS, count_characters
from cxr.imaging.quality import QualityGate
from cxr.imaging.reading import read_radiograph

BLOCK = ("DOE, JANE 1961-04-12", "MRN 00451239 F 63Y", "General Hospital 3")


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    """Pixels of phantom radiographs, (512, 512) in [0, 1]."""
    from cxr.phantom.cohort import generate_cohort

    cohort = generate_cohort(4, 512, 5, tmp_path_factory.mktemp("text") / "cohort")
    return [read_radiograph(path).pixels for path in sorted((cohort / "images").iterdir())]


def write(pixels, lines, size, *, ink=255, paper=None):
    """The picture with lines of text in its upper left corner."""
    picture = Image.fromarray((pixels * 255).astype(np.uint8))
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size)
    for number, line in enumerate(lines):
        place = (12, 12 + number * size * 1.3)
        if paper is not None:
            pen.rectangle(pen.textbbox(place, line, font=font), fill=paper)
        pen.text(place, line, fill=ink, font=font)
    return np.asarray(picture, dtype=np.float32) / np.float32(255)


@pytest.mark.parametrize("size", [12, 18, 30])
@pytest.mark.parametrize(("ink", "paper"), [(255, None), (0, 255)])
def test_a_block_of_text_is_refused(phantoms, size, ink, paper):
    codes = []
    for pixels in phantoms:
        try:
            QualityGate.shipped().check(write(pixels, BLOCK, size, ink=ink, paper=paper))
            codes.append(None)
        except RefusedInputError as error:
            codes.append(error.code)
    # White letters on a white shoulder are not seen, by people either.
    assert codes.count(RefusalCode.BURNT_IN_TEXT) >= 0.7 * len(codes)


def test_a_block_of_text_is_found_on_large_films(phantoms):
    for pixels in phantoms:
        picture = Image.fromarray(pixels).resize((2900, 2900), Image.Resampling.BICUBIC)
        film = write(np.asarray(picture).clip(0, 1), BLOCK, 90, paper=0)
        assert count_characters(film) > MOST_CHARACTERS


@pytest.mark.parametrize("lines", [("L",), ("R",), ("PORTABLE",), ("AP", "SUPINE"), ("L", "ERECT")])
def test_markers_and_words_pass(phantoms, lines):
    for pixels in phantoms:
        QualityGate.shipped().check(write(pixels, lines, 24))


@pytest.mark.parametrize("lines", [("ABCDEFGH",), ("ABCDEFGH", "IJKLMNOP")])
def test_the_characters_of_all_lines_are_counted(lines):
    """The gaps and the edge of letters may count as one mark more."""
    counted = count_characters(write(np.full((300, 400), 0.2, np.float32), lines, 24))
    assert 8 * len(lines) <= counted <= 9 * len(lines)


def test_no_radiograph_is_taken_for_a_page(phantoms, shared_data):
    from cxr.datasets.dataset import open_dataset

    paths = open_dataset(shared_data / "nih").subset("test").records["path"][::25]
    counts = [count_characters(read_radiograph(type(shared_data)(path)).pixels) for path in paths]
    counts += [count_characters(pixels) for pixels in phantoms]
    assert max(counts) <= MOST_CHARACTERS
