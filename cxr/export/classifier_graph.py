"""A trained classifier -> the ONNX graph that the clinic runs, proved to compute what the torch model computed."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cxr.errors import BundleError
from cxr.models.onnx_writer import write_onnx_file
from cxr.onnx_model import available_cores, open_session

INPUT = "image"
OUTPUTS = ("logits", "class_maps", "embedding")
OUTLINES = "outlines"


class _Tuple(nn.Module):
    """Unpacks ModelOutput: an ONNX graph has named outputs, not dataclasses."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        output = self.model(image)
        outlines = () if output.outlines is None else (output.outlines,)
        return output.logits, output.class_maps, output.embedding, *outlines


def write_onnx(model: nn.Module, image_size: int, path: Path) -> None:
    """Export with a free batch dimension.

    The graph takes ``image`` (N, 1, size, size) float32 in [0, 1] and gives ``logits`` (N, C), ``class_maps``
    (N, C, S, S) and ``embedding`` (N, D), and ``outlines`` (N, 3, 128, 128) from a model that has them. Normalisation
    is inside it. All weights are in the one file.

    Args:
        model: a trained network; it is moved to the CPU and to evaluation mode.
        image_size: edge of the input in pixels.
        path: the .onnx file to write.
    """
    model = model.cpu().eval().to(memory_format=torch.contiguous_format)
    # Two identical rows would let the exporter assume a batch of one.
    example = torch.rand(2, 1, image_size, image_size)
    outputs = _Tuple(model)
    with torch.inference_mode():
        names = (*OUTPUTS, OUTLINES)[: len(outputs(example))]
    write_onnx_file(
        outputs,
        (example,),
        path,
        inputs=(INPUT,),
        outputs=names,
        dynamic=({0: torch.export.Dim("batch")},),
    )


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
