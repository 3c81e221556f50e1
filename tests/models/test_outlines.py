from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from cxr.imaging.segmentation import cardiothoracic_ratio
from cxr.models.anatomical_features import MEASURES, measure
from cxr.models.outlines import SIDE, OutlinedChest, Outlines, resampling


def _measured(masks: torch.Tensor, image: torch.Tensor) -> dict[str, float]:
    values = measure(OutlinedChest(image[None, None], masks[None].logit()))
    return dict(zip(MEASURES, values[0].tolist(), strict=True))


def _chest() -> torch.Tensor:
    """Two rectangular lungs and a heart between them: (3, SIDE, SIDE)."""
    masks = torch.zeros(3, SIDE, SIDE)
    masks[0, 20:100, 10:50] = 1
    masks[1, 20:90, 80:120] = 1
    masks[2, 60:90, 40:92] = 1
    return masks


def test_torch_outlines_are_those_of_the_shipped_file(repository_root: Path):
    images = torch.rand(3, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    path = repository_root / "cxr" / "weights" / "segmentation.onnx"
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (expected,) = session.run(["logits"], {"image": images.numpy()})
    found = Outlines()(images)
    torch.testing.assert_close(found.images, images)
    np.testing.assert_allclose(found.masks.numpy(), 1 / (1 + np.exp(-expected)), atol=1e-4)


@pytest.mark.parametrize("size", [96, 128, 160, 224, 256])
def test_resampling_is_the_antialiased_one(size: int):
    image = torch.rand(1, 1, size, size, generator=torch.Generator().manual_seed(size))
    expected = torch.nn.functional.interpolate(image, (SIDE, SIDE), mode="bilinear", antialias=True)
    weights = resampling(size, image)
    torch.testing.assert_close(weights @ image @ weights.T, expected, atol=1e-5, rtol=0)


def test_outlines_never_train():
    outlines = Outlines().train()
    assert not any(module.training for module in outlines.modules())
    assert not any(parameter.requires_grad for parameter in outlines.parameters())


def test_measures_of_a_drawn_chest():
    image = torch.full((SIDE, SIDE), 0.2)
    image[60:, :] = 0.6
    found = _measured(_chest(), image)
    assert found["right lung: area"] == pytest.approx(80 * 40 / SIDE**2)
    assert found["left lung: height"] == pytest.approx(70 / SIDE)
    assert found["heart: width"] == pytest.approx(52 / SIDE)
    assert found["heart: brightness"] == pytest.approx(0.6, abs=1e-3)
    assert found["right lung, upper half: brightness"] == pytest.approx(0.2, abs=1e-3)
    assert found["right lung, lower half: brightness"] == pytest.approx(0.6, abs=1e-3)
    assert found["right lung: brightness"] == pytest.approx(0.4, abs=1e-3)
    assert found["right lung: contrast"] == pytest.approx(0.2, abs=1e-3)
    assert found["heart: level"] == pytest.approx(74.5 / (SIDE - 1), abs=1e-3)


def test_heart_over_thorax_without_the_gap_between_the_lungs():
    masks = _chest()
    masks[0, 20:100, 10:80] = 1  # no gap: both ways to measure the thorax agree
    expected = cardiothoracic_ratio((masks[0] + masks[1]).numpy() > 0, masks[2].numpy() > 0)
    assert expected is not None
    np.testing.assert_allclose(_measured(masks, torch.rand(SIDE, SIDE))["cardiothoracic ratio"], expected, atol=0.01)


def test_a_picture_without_a_chest_has_finite_measures():
    found = _measured(torch.zeros(3, SIDE, SIDE), torch.zeros(SIDE, SIDE))
    assert np.isfinite(list(found.values())).all()
    assert found["cardiothoracic ratio"] == 0
