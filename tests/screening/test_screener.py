import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.reading import RadiographFile
from cxr.localization import iou
from cxr.screening import Screener, find_inputs, parse_result_line, result_line, screen_many


@pytest.fixture(scope="module")
def screener(tiny_bundle):
    return Screener(tiny_bundle, threads=1)


def finding(result, name):
    return next(f for f in result.findings if f.name == name)


def test_a_finding_is_found_located_and_reported_on_its_side(screener, image_folder):
    result = screener.screen(image_folder / "effusion.png")
    assert result.status == "screened"
    assert result.triage == "refer"
    effusion = finding(result, "Effusion")
    assert effusion.positive
    assert effusion.probability > effusion.threshold
    assert "95% confidence" in effusion.certificate
    box = max(effusion.boxes, key=lambda b: b.score)
    assert iou([[box.x, box.y, box.width, box.height]], [[240, 200, 100, 80]])[0, 0] > 0.3
    said = [s for s in result.report.sentences if s.finding]
    assert [s.finding for s in said] == [f.name for f in result.findings if f.positive]
    assert said[0].side == "left"
    assert said[0].evidence.boxes == effusion.boxes


def test_nothing_found_is_never_called_normal(screener, image_folder):
    result = screener.screen(image_folder / "healthy.png")
    assert result.triage == "none"
    assert not any(f.positive or f.boxes for f in result.findings)
    assert "No finding above its threshold" in result.report.text
    assert "normal" not in result.report.text.lower()


def test_result_is_frozen_and_survives_its_line(screener, image_folder):
    result = screener.screen(image_folder / "effusion.png")
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.triage = "none"
    assert parse_result_line(result_line(result)) == result
    assert list(json.loads(result_line(result))) == [
        "path", "sha256", "status", "refusal", "findings", "triage", "report", "model", "film",
    ]  # fmt: skip


@pytest.mark.parametrize("size", [(64, 64), (640, 200), (200, 640), (1500, 1501)])
def test_boxes_lie_inside_inputs_of_any_shape(screener, tmp_path, chest_pixels, size):
    width, height = size
    pixels = chest_pixels(width, height, blob=(width // 3, height // 3, width // 2, height // 2))
    Image.fromarray(pixels).save(tmp_path / "x.png")
    result = screener.screen(tmp_path / "x.png")
    boxes = finding(result, "Effusion").boxes
    assert boxes
    for box in boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.width > 0
        assert box.x + box.width <= width + 0.1
        assert box.y + box.height <= height + 0.1


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "I;16"])
def test_every_pixel_format_gives_the_same_answer(screener, tmp_path, chest_pixels, mode):
    pixels = chest_pixels(blob=(240, 200, 100, 80))
    grey = Image.fromarray(pixels)
    if mode == "I;16":
        image = Image.fromarray(pixels.astype(np.uint16) * 257)
    elif mode == "P":
        image = grey.convert("P")
    else:
        image = grey.convert(mode)
    grey.save(tmp_path / "reference.png")
    image.save(tmp_path / "image.png")
    reference, result = screener.screen(tmp_path / "reference.png"), screener.screen(tmp_path / "image.png")
    assert result.status == "screened"
    for a, b in zip(reference.findings, result.findings, strict=True):
        assert b.probability == pytest.approx(a.probability, abs=0.02)


def test_an_unexpected_failure_is_one_refused_input(screener, image_folder, monkeypatch, caplog):
    def explode(file):
        raise RuntimeError("DOE^JANE")

    monkeypatch.setattr(RadiographFile, "radiograph", explode)
    result = screener.screen(image_folder / "healthy.png")
    assert result.refusal.code is RefusalCode.SCREENING_FAILED
    assert len(result.sha256) == 64
    assert "DOE" not in result_line(result) + caplog.text
    assert "RuntimeError" in caplog.text


def test_bytes_and_file_give_the_same_result(screener, image_folder):
    file = image_folder / "effusion.png"
    assert screener.examine("x", file.read_bytes()).result == screener.examine("x", file).result


def test_there_is_a_heatmap_of_every_finding_and_an_embedding(screener, image_folder):
    examination = screener.examine("x", image_folder / "effusion.png")
    assert set(examination.artifacts.heatmaps) == {f.name for f in examination.result.findings}
    assert examination.artifacts.embedding.shape == (64,)
    heat = examination.artifacts.heatmaps["Effusion"]
    assert heat.min() >= 0
    assert heat.max() == 1
    height, width = examination.artifacts.pixels.shape
    assert heat.shape[1] / heat.shape[0] == pytest.approx(width / height, rel=0.05)


def test_boxes_may_be_asked_for_of_every_finding(screener, image_folder):
    """Those of the positive findings are the ones of the result."""
    examination = screener.examine("x", image_folder / "effusion.png")
    for finding in examination.result.findings:
        boxes = examination.artifacts.boxes(finding.name)
        assert all(box.score <= finding.probability + 1e-4 for box in boxes)
        assert boxes == finding.boxes or not finding.positive
    assert any(f.positive for f in examination.result.findings)


def test_the_header_travels_with_the_result_and_the_file_is_read_once(screener, shared_data, monkeypatch):
    source = next((shared_data / "dicom").glob("*.dcm"))
    opened = []
    real = Path.open
    monkeypatch.setattr(Path, "open", lambda path, *a, **k: opened.append(path) or real(path, *a, **k))
    examination = screener.examine("x", source)
    assert opened.count(source) == 1
    assert examination.artifacts.metadata.sha256 == examination.result.sha256
    assert examination.header.SOPInstanceUID
    assert "PixelData" not in examination.header


def test_a_refused_dicom_file_keeps_its_header(screener, shared_data, tmp_path):
    """Whatever says that it was refused must name it."""
    whole = next((shared_data / "dicom").glob("*.dcm")).read_bytes()
    examination = screener.examine("x", whole[:-5000])
    assert examination.result.status == "refused"
    assert examination.header.SOPInstanceUID
    (tmp_path / "x.png").write_bytes(b"no picture")
    assert screener.examine("x", tmp_path / "x.png").header is None


def test_real_radiographs(screener, shared_data):
    for path in [*sorted((shared_data / "dicom").glob("*.dcm")), shared_data / "nih" / "images" / "00000147_001.jpg"]:
        result = screener.screen(path)
        assert result.status == "screened", result.refusal


def test_a_failure_after_screening_is_one_refused_input_too(screener, image_folder):
    def finish(examination):
        if "effusion" in examination.result.path:
            raise KeyError("x")
        return "made"

    inputs = find_inputs([image_folder])
    found = [(r.status, made) for r, made in screen_many(screener, inputs, finish, workers=2)]
    assert found == [("refused", None), ("screened", "made"), ("screened", "made")]


def test_inputs_come_back_in_their_order_however_many_workers(screener, image_folder):
    order = [r.path for r, _ in screen_many(screener, find_inputs([image_folder]), lambda _: 0, workers=4)]
    assert order == [item.name for item in find_inputs([image_folder])]


def test_a_gate_refuses_before_the_network_looks(tiny_bundle, image_folder):
    def gate(picture):
        assert picture.pixels.dtype == np.float32
        if picture.pixels.max() > 0.99:
            raise RefusedInputError(RefusalCode.NOT_FRONTAL_CHEST, "too bright for a chest")

    gated = Screener(tiny_bundle, threads=1, gate=gate)
    assert gated.screen(image_folder / "large_heart.png").refusal.code is RefusalCode.NOT_FRONTAL_CHEST
    assert gated.screen(image_folder / "effusion.png").status == "screened"
