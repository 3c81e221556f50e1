import logging

import numpy as np
import onnxruntime
import pytest

from cxr.imaging.preprocessing import Placement, prepare
from cxr.imaging.reading import read_radiograph
from cxr.imaging.segmentation import Segmenter, outlined
from cxr.screening import Bundle


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_that_does_not_work_is_left_aloud(tiny_bundle, monkeypatch, caplog):
    """This onnxruntime has no CUDA, whatever it may claim."""
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider", "CUDAExecutionProvider"]
    )
    with caplog.at_level(logging.WARNING):
        network = Bundle.load(tiny_bundle).network(threads=1)
    assert network.provider == "CPUExecutionProvider"
    assert "CUDAExecutionProvider is installed but not usable here" in caplog.text


def test_a_provider_that_raises_is_left_aloud(tiny_bundle, monkeypatch, caplog):
    real = onnxruntime.InferenceSession

    def session(model, options, providers):
        if providers[0] != "CPUExecutionProvider":
            raise RuntimeError("the driver is too old")
        return real(model, options, providers=providers)

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["OpenVINOExecutionProvider", "CPUExecutionProvider"]
    )
    network = Bundle.load(tiny_bundle).network(threads=1)
    assert "OpenVINOExecutionProvider is installed but not usable here" in caplog.text
    assert network.run(np.zeros((2, 64, 64), np.uint8)).logits.shape == (2, 3)


def test_on_the_processor_nothing_is_said(tiny_bundle, caplog):
    assert Bundle.load(tiny_bundle).network(threads=1).provider == "CPUExecutionProvider"
    assert caplog.text == ""


def test_the_shipped_network_draws_the_outlines_of_the_shipped_segmentation(shared_data):
    """Each makes its own small picture of the square: the antialiasing differs, the chest does not."""
    square, _ = prepare(read_radiograph(shared_data / "nih" / "images" / "00000147_001.jpg").pixels, 224)
    (logits,) = Bundle.load().network(threads=1).run(square[None]).outlines
    network = outlined(logits, Placement(1.0, 0.0, 0.0, 224, 224))
    alone = Segmenter.shipped().segment(square.astype(np.float32) / np.float32(255))
    for structure in ("right_lung", "left_lung", "heart"):
        found, expected = getattr(network, structure), getattr(alone, structure)
        assert (found & expected).sum() > 0.97 * (found | expected).sum() > 0, structure


def test_a_graph_without_outlines_gives_none(tiny_bundle):
    assert Bundle.load(tiny_bundle).network(threads=1).run(np.zeros((1, 64, 64), np.uint8)).outlines is None
