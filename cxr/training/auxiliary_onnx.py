"""A small torch module with one image input and one output -> a self-contained ONNX file."""

import json
from pathlib import Path

import torch
from torch import nn

from cxr.models.onnx_writer import write_onnx_file
from nlp_labeler.storage import file_sha256, write_text

__all__ = ["write_auxiliary_onnx", "write_card"]


def write_auxiliary_onnx(module: nn.Module, size: int, path: Path) -> None:
    """Export with a free batch dimension: ``image`` (N, 1, size, size) float32 in [0, 1] -> ``logits``.

    Args:
        module: the trained module.
        size: side of the input in pixels.
        path: the .onnx file to write.
    """
    write_onnx_file(
        module,
        (torch.rand(2, 1, size, size),),
        path,
        inputs=("image",),
        outputs=("logits",),
        dynamic=({0: torch.export.Dim("batch")},),
    )


def write_card(model: Path, **content: object) -> None:
    """Write NAME.json beside a model: the hash that binds them, and whatever else there is to say."""
    write_text(model.with_suffix(".json"), json.dumps({"sha256": file_sha256(model), **content}, indent=1) + "\n")
