from datetime import date

import numpy as np

from cxr.imaging.preprocessing import prepare
from cxr.imaging.segmentation import Segmenter
from cxr.localization import BoxSettings
from cxr.localization.heatmaps import Heatmaps
from cxr.phantom.course import Visit
from cxr.phantom.patient import draw_patient
from cxr.phantom.render import render

_SIZE, _GRID = 224, 112


def _outlines() -> np.ndarray:
    """A rectangle per structure, on a grid of half the square's resolution."""
    logits = np.full((3, _GRID, _GRID), -9, dtype=np.float32)
    logits[0, 30:80, 30:50] = 9
    logits[1, 30:80, 60:80] = 9
    logits[2, 60:80, 44:66] = 9
    return logits


def _heatmaps(height: int, width: int) -> Heatmaps:
    """Cold ones of a heart finding on an image of one gray."""
    square, placement = prepare(np.full((height, width), 0.5, dtype=np.float32), _SIZE)
    return Heatmaps(np.zeros((1, 7, 7), np.float32), ["Cardiomegaly"], square, placement, _outlines())


def test_outlines_of_the_network_are_laid_over_the_image_alone():
    """300 x 150 pixels fill the middle half of the square's columns."""
    anatomy = _heatmaps(300, 150).anatomy
    expected = np.zeros((224, 112), dtype=bool)
    expected[60:160, 60 - 56 : 100 - 56] = True
    assert anatomy.right_lung.shape == expected.shape
    assert np.array_equal(anatomy.right_lung, expected)


def test_without_a_networks_outlines_those_of_the_shipped_segmenter_are_taken():
    patient = draw_patient(1, np.random.default_rng(7))
    pixels = render(
        patient, Visit(0, date(2010, 5, 4), 50, "PA", (), (), (), None), 256, np.random.default_rng(3)
    ).pixels
    square, placement = prepare(pixels, _SIZE)
    anatomy = Heatmaps(np.zeros((1, 7, 7), np.float32), ["Mass"], square, placement).anatomy
    expected = Segmenter.shipped().segment(square / np.float32(255))
    assert np.array_equal(anatomy.right_lung, expected.right_lung)
    assert np.array_equal(anatomy.left_lung, expected.left_lung)
    assert np.array_equal(anatomy.heart, expected.heart)


def test_the_box_of_a_large_heart_is_its_outline():
    (box,) = _heatmaps(448, 448).boxes("Cardiomegaly", BoxSettings(), probability=0.5)
    np.testing.assert_allclose((box.x, box.y, box.width, box.height), (176, 240, 88, 80), atol=2)
