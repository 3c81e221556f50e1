"""A torch classifier as one self-contained ONNX file."""

import logging
import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

INPUT = "image"
OUTPUTS = ("logits", "class_maps", "embedding")


class _Tuple(nn.Module):
    """Unpacks ModelOutput: an ONNX graph has named outputs, not dataclasses."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        output = self.model(image)
        return output.logits, output.class_maps, output.embedding


def write_onnx(model: nn.Module, image_size: int, path: Path) -> None:
    """Export with a free batch dimension.

    The graph takes ``image`` (N, 1, size, size) float32 in [0, 1] and gives ``logits`` (N, C), ``class_maps``
    (N, C, S, S) and ``embedding`` (N, D); normalisation is inside it. All weights are in the one file.

    Args:
        model: a trained network; it is moved to the CPU and to evaluation mode.
        image_size: edge of the input in pixels.
        path: the .onnx file to write.
    """
    model = model.cpu().eval().to(memory_format=torch.contiguous_format)
    # Two identical rows would let the exporter assume a batch of one.
    example = torch.rand(2, 1, image_size, image_size)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter deprecates parts of itself; nothing a user could mend
        program = torch.onnx.export(
            _Tuple(model),
            (example,),
            dynamo=True,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_shapes={"image": {0: torch.export.Dim("batch")}},
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    graph = program.model_proto
    del graph.metadata_props[:]
    for node in graph.graph.node:
        # Stack traces of the exporting machine are no business of the clinic's.
        node.doc_string = ""
        del node.metadata_props[:]
    onnx.checker.check_model(graph)
    onnx.save_model(graph, path)
