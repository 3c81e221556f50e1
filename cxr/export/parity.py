"""Proof that the exported graph computes what the torch model computed."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cxr.errors import BundleError
from cxr.export.onnx_graph import INPUT, OUTPUTS
from cxr.onnx_model import available_cores, open_session

TOLERANCE = 1e-4


def largest_difference(model: nn.Module, onnx_path: Path, images: NDArray[np.float32]) -> float:
    """Largest |p_torch - p_onnx| over the images and labels.

    Args:
        model: the torch network.
        onnx_path: its export.
        images: (N, 1, size, size) in [0, 1].
    """
    session = open_session(onnx_path, threads=available_cores())
    (logits,) = session.run([OUTPUTS[0]], {INPUT: images})
    with torch.inference_mode():
        expected = torch.sigmoid(model.cpu().eval()(torch.from_numpy(images)).logits).numpy()
    return float(np.abs(1 / (1 + np.exp(-logits)) - expected).max())


def check_parity(model: nn.Module, onnx_path: Path, image_size: int) -> float:
    """The difference on seeded noise and on flat images, where padding and normalisation faults show.

    Raises:
        BundleError: if it exceeds TOLERANCE.
    """
    generator = np.random.default_rng(0)
    noise = generator.random((4, 1, image_size, image_size), dtype=np.float32)
    flat = np.broadcast_to(np.linspace(0, 1, 4, dtype=np.float32)[:, None, None, None], noise.shape)
    difference = largest_difference(model, onnx_path, np.concatenate([noise, flat]))
    if not difference <= TOLERANCE:
        raise BundleError(
            f"{onnx_path.name} differs from the torch model by {difference:.2e} in probability, "
            f"allowed are {TOLERANCE:.0e}; the bundle was not written"
        )
    return difference
