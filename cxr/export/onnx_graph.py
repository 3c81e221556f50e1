"""A torch classifier as one self-contained ONNX file."""

from pathlib import Path

import torch
from torch import Tensor, nn

from cxr.models.onnx_writer import write_onnx_file

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
