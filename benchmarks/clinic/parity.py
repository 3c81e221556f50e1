"""How far the exported graph is from the trained network, on real radiographs."""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.clinic.kills import TABLE
from benchmarks.provenance import shared_data
from benchmarks.record import MIXED, Row, line
from cxr.imaging.preprocessing import prepare
from cxr.imaging.reading import read_radiograph

__all__ = ["parity_rows"]

IMAGES, SIZE, BATCH = 200, 224, 20


def parity_rows() -> list[Row]:
    """Shipped backbones with a fresh head, exported as `cxr export` does, on the same images in torch and in ONNX."""
    import torch

    from cxr.export.classifier_graph import largest_difference, write_onnx
    from cxr.models.backbone import shipped_backbone
    from cxr.models.factory import BackboneConfig, ModelConfig, build_classifier
    from nlp_labeler.findings import LABELS

    torch.manual_seed(0)
    name = "mobilenetv2_100"
    model = build_classifier(ModelConfig(backbone=BackboneConfig(name=name)), len(LABELS))
    model.backbone.load_weights(shipped_backbone(name))
    paths = sorted((shared_data("nih") / "images").glob("*.jpg"))[:IMAGES]
    squares = np.stack([prepare(read_radiograph(path).pixels, SIZE)[0] for path in paths])
    batches = np.split(squares[:, None].astype(np.float32) / np.float32(255), IMAGES // BATCH)
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "model.onnx"
        write_onnx(model, SIZE, graph)
        difference = max(largest_difference(model, graph, batch) for batch in batches)
    return line(
        TABLE,
        "largest difference in probability, ONNX against torch",
        {MIXED: difference},
        n=IMAGES,
        unit_of_n="images",
        data="NIH ChestX-ray14, shared selection",
        note=f"{name}, {SIZE} px",
    )
