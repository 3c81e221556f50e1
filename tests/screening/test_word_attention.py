import numpy as np

from cxr.imaging.preprocessing import prepare
from cxr.screening.generator import GeneratedReport, WordAttention


def attention(shape, cells):
    """Of "Left effusion" over an image of so many rows and columns in a square of 40 pixels, 4 x 4 cells."""
    _, placement = prepare(np.zeros(shape, np.float32), 40)
    maps = np.zeros((2, 4, 4), np.float32)
    for word, (row, column) in enumerate(cells):
        maps[word, row, column] = 1
    return WordAttention(GeneratedReport("Left effusion", ((0, 4), (5, 13)), maps, (7, 8)), placement, 40)


def test_the_words_asked_for_count_alone():
    looked = attention((80, 80), [(0, 0), (2, 3)])
    assert np.argwhere(looked(5, 13)).tolist() == [[2, 3]]
    assert np.argwhere(looked(0, 13)).tolist() == [[0, 0], [2, 3]]
    assert np.max(looked(0, 13)) == 100
    assert looked(13, 20) == ()


def test_the_padding_around_a_wide_image_is_left_out():
    looked = np.array(attention((40, 80), [(0, 0), (2, 3)])(5, 13))
    assert looked.shape == (2, 4)  # the image covers the two middle rows of cells
    assert np.argwhere(looked).tolist() == [[1, 3]]
