import logging

import numpy as np
import onnxruntime
import pytest

from cxr.screening import Bundle, Network


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_that_does_not_work_is_left_aloud(tiny_bundle, monkeypatch, caplog):
    """This onnxruntime has no CUDA, whatever it may claim."""
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider", "CUDAExecutionProvider"]
    )
    with caplog.at_level(logging.WARNING):
        network = Network(Bundle.load(tiny_bundle), threads=1)
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
    network = Network(Bundle.load(tiny_bundle), threads=1)
    assert "OpenVINOExecutionProvider is installed but not usable here" in caplog.text
    assert network.run(np.zeros((2, 64, 64), np.uint8)).logits.shape == (2, 3)


def test_on_the_processor_nothing_is_said(tiny_bundle, caplog):
    assert Network(Bundle.load(tiny_bundle), threads=1).provider == "CPUExecutionProvider"
    assert caplog.text == ""
