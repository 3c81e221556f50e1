"""A small torch module with one image input and one output -> a self-contained ONNX file."""

import hashlib
import json
import logging
import warnings
from pathlib import Path

import onnx
import torch
from torch import nn

__all__ = ["write_auxiliary_onnx", "write_card"]


def write_auxiliary_onnx(module: nn.Module, size: int, path: Path) -> None:
    """Export with a free batch dimension: ``image`` (N, 1, size, size) float32 in [0, 1] -> ``logits``.

    Args:
        module: the trained module.
        size: side of the input in pixels.
        path: the .onnx file to write.
    """
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter deprecates parts of itself; nothing a user could mend
        program = torch.onnx.export(
            module.eval(),
            (torch.rand(2, 1, size, size),),
            dynamo=True,
            input_names=["image"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
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
    temporary = path.with_suffix(".tmp")
    onnx.save_model(graph, temporary)
    temporary.replace(path)


def write_card(model: Path, **content: object) -> None:
    """Write NAME.json beside a model: the hash that binds them, and whatever else there is to say."""
    card = {"sha256": hashlib.sha256(model.read_bytes()).hexdigest(), **content}
    temporary = model.with_suffix(".json.tmp")
    temporary.write_text(json.dumps(card, indent=1) + "\n")
    temporary.replace(model.with_suffix(".json"))
