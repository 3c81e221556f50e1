"""A torch module as one self-contained ONNX file."""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from nlp_labeler.storage import write_bytes

__all__ = ["write_onnx_file"]


def write_onnx_file(
    module: nn.Module,
    example: tuple[Tensor, ...],
    path: Path,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    dynamic: tuple[dict[int, Any], ...],
) -> None:
    """Export, clean, check and write a module; all weights are in the one file.

    Args:
        module: takes the example's tensors by position and returns a tensor or a tuple of tensors.
        example: one tensor per input; a free axis must not be 1, which the exporter would take for a constant.
        path: the .onnx file to write.
        inputs: their names.
        outputs: their names.
        dynamic: per input, axis -> ``torch.export.Dim`` of the axes that are free.
    """
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter deprecates parts of itself; nothing a user could mend
        program = torch.onnx.export(
            module.eval(),
            example,
            dynamo=True,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=dynamic,
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
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, graph.SerializeToString())
