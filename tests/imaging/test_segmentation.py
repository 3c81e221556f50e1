"""Lung and heart masks: geometry by known answers, the shipped network on real radiographs it was not trained on."""

import csv

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from cxr.cli.main import build_app
from cxr.imaging.segmentation import Segmenter, cardiothoracic_ratio


def rectangle(left: int, right: int) -> np.ndarray:
    mask = np.zeros((50, 100), bool)
    mask[10:40, left:right] = True
    return mask


def test_the_ratio_of_widths():
    lungs = rectangle(10, 40) | rectangle(60, 90)
    assert cardiothoracic_ratio(lungs, rectangle(35, 67)) == pytest.approx(32 / 80)


def test_no_ratio_without_heart_or_lungs():
    nothing = np.zeros((50, 100), bool)
    assert cardiothoracic_ratio(nothing, rectangle(1, 9)) is None
    assert cardiothoracic_ratio(rectangle(1, 9), nothing) is None


def test_held_out_masks(shared_data):
    from benchmarks.segmentation import dice
    from cxr.training.segmentation import read_masked_chests

    chests = [chest for chest in read_masked_chests(shared_data / "lung_heart_masks") if chest.held_out][::8]
    found = [Segmenter.shipped().segment(chest.image.astype(np.float32) / np.float32(255)) for chest in chests]
    assert np.mean([dice(f.lungs, c.masks[:2].any(axis=0)) for f, c in zip(found, chests, strict=True)]) > 0.94
    assert np.mean([dice(f.heart, c.masks[2]) for f, c in zip(found, chests, strict=True)]) > 0.9


def test_the_right_lung_is_on_the_left_of_the_picture(shared_data):
    from cxr.imaging.reading import read_radiograph

    pixels = read_radiograph(shared_data / "nih" / "images" / "00000147_001.jpg").pixels
    found = Segmenter.shipped().segment(pixels)
    columns = np.arange(pixels.shape[1])
    right, left = ((mask.sum(axis=0) * columns).sum() / mask.sum() for mask in (found.right_lung, found.left_lung))
    assert right < left
    assert 0.3 < found.cardiothoracic_ratio < 0.8


def test_the_command_writes_masks_of_the_size_of_the_input(shared_data, tmp_path):
    source, broken = shared_data / "hannover" / "images" / "006f3a8a.jpg", tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    result = CliRunner().invoke(build_app(), ["segment", str(source), str(broken), "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    with Image.open(source) as picture:
        size = picture.size
    for name in ("006f3a8a_lung.png", "006f3a8a_heart.png"):
        with Image.open(tmp_path / "out" / name) as mask:
            assert mask.size == size
            assert set(np.unique(np.asarray(mask))) == {0, 255}
    with (tmp_path / "out" / "ratios.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["status"], row["code"]) for row in rows] == [("segmented", ""), ("refused", "unknown_format")]
    assert 0.2 < float(rows[0]["cardiothoracic_ratio"]) < 0.9
