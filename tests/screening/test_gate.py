"""What reaches the network of the shipped bundle: upright chests, phantoms among them, and nothing else."""

import json

import numpy as np
import pytest
from PIL import Image

from cxr.cli.main import main
from cxr.errors import RefusalCode
from cxr.screening import Screener


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    """Pixels of a few phantom radiographs, (256, 256) uint8."""
    from cxr.phantom.cohort import generate_cohort

    cohort = generate_cohort(6, 256, 21, tmp_path_factory.mktemp("gate") / "cohort")
    return [np.asarray(Image.open(path).convert("L")) for path in sorted((cohort / "images").iterdir())]


@pytest.fixture(scope="module")
def screener():
    return Screener(threads=1)


def codes(screener, folder, pictures):
    """Refusal code of each picture, ``None`` where it was screened."""
    found = []
    for number, pixels in enumerate(pictures):
        Image.fromarray(np.ascontiguousarray(pixels)).save(folder / f"{number}.png")
        result = screener.screen(folder / f"{number}.png")
        found.append(result.refusal.code if result.refusal else None)
    return found


def test_phantoms_are_screened(screener, phantoms, tmp_path):
    assert set(codes(screener, tmp_path, phantoms)) == {None}


def test_negatives_and_turned_pictures_are_refused_by_name(screener, phantoms, tmp_path):
    assert set(codes(screener, tmp_path, [255 - pixels for pixels in phantoms])) == {RefusalCode.INVERTED}
    for turns in (1, 2, 3):
        turned = codes(screener, tmp_path, [np.rot90(pixels, turns) for pixels in phantoms])
        assert None not in turned
        assert turned.count(RefusalCode.ROTATED) >= len(turned) - 1


def test_the_command_gives_one_typed_refusal_per_bad_picture(phantoms, tmp_path, monkeypatch):
    ward, out = tmp_path / "ward", tmp_path / "out"
    ward.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (256, 256), dtype=np.uint8)
    pictures = {
        "chest": phantoms[0],
        "negative": 255 - phantoms[0],
        "turned": np.rot90(phantoms[0]),
        "noise": noise,
        "blank": np.zeros((256, 256), np.uint8),
    }
    for name, pixels in pictures.items():
        Image.fromarray(np.ascontiguousarray(pixels)).save(ward / f"{name}.png")
    monkeypatch.setattr("sys.argv", ["cxr", "screen", str(ward), "--out", str(out)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    lines = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    refusals = {line["path"].split("/")[-1]: line["refusal"] for line in lines}
    assert {name: refusal and refusal["code"] for name, refusal in refusals.items()} == {
        "chest.png": None,
        "negative.png": "inverted",
        "turned.png": "rotated",
        "noise.png": "not_frontal_chest",
        "blank.png": "constant_pixels",
    }
    assert all(len(refusal["message"]) > 20 for refusal in refusals.values() if refusal)
