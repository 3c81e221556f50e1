from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from cxr.errors import BundleError
from cxr.export.classifier_graph import TOLERANCE, check_parity, write_onnx
from cxr.models.classifier import ChestXray8Network
from cxr.models.factory import BackboneConfig, MiningConfig, ModelConfig, build_model
from nlp_labeler.findings import LABELS


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[ChestXray8Network, Path]:
    torch.manual_seed(0)
    config = ModelConfig(backbone=BackboneConfig(name="test_efficientnet"), transition_channels=16)
    model = build_model(config, LABELS[:3]).eval()
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    write_onnx(model, 64, path)
    return model, path


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_every_output_equals_torch_at_any_batch_size(exported: tuple[ChestXray8Network, Path], batch: int):
    model, path = exported
    images = np.random.default_rng(batch).random((batch, 1, 64, 64), dtype=np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run(["logits", "class_maps", "embedding"], {"image": images})
    with torch.inference_mode():
        expected = model(torch.from_numpy(images))
    for name, value in zip(("logits", "class_maps", "embedding"), found, strict=True):
        np.testing.assert_allclose(value, getattr(expected, name).numpy(), atol=1e-4)


def test_parity_is_measured_and_a_changed_model_is_refused(exported: tuple[ChestXray8Network, Path]):
    model, path = exported
    assert check_parity(model, path, 64) <= TOLERANCE
    other = build_model(
        ModelConfig(backbone=BackboneConfig(name="test_efficientnet"), transition_channels=16), LABELS[:3]
    )
    with pytest.raises(BundleError, match="differs from the torch model"):
        check_parity(other.eval(), path, 64)


def test_the_file_is_self_contained_and_says_nothing_of_the_machine(exported: tuple[ChestXray8Network, Path]):
    _, path = exported
    graph = onnx.load(path, load_external_data=False)
    assert all(t.data_location == onnx.TensorProto.DEFAULT for t in graph.graph.initializer)
    assert str(Path.cwd()).encode() not in path.read_bytes()


@pytest.mark.parametrize(
    "parts",
    [
        {"backbone": BackboneConfig(name="test_efficientnet", stages=(2, 3))},
        {"mining": MiningConfig(steps=2)},
        {"guided": True},
        {"hierarchical": True},
        {"anatomical_features": True},
    ],
    ids=["multi-scale", "mining", "guided", "hierarchical", "anatomical features"],
)
def test_every_method_exports_to_what_torch_computes(parts: dict, tmp_path: Path):
    torch.manual_seed(0)
    plain = ModelConfig(backbone=BackboneConfig(name="test_efficientnet"), transition_channels=16)
    model = build_model(plain.model_copy(update=parts), ("Consolidation", "Pneumonia", "Mass")).eval()
    for linear in (part for part in model.modules() if isinstance(part, torch.nn.Linear)):
        torch.nn.init.normal_(linear.weight, std=0.1)
    write_onnx(model, 64, tmp_path / "model.onnx")
    images = np.random.default_rng(0).random((3, 1, 64, 64), dtype=np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        expected = model(torch.from_numpy(images))
    names = [output.name for output in session.get_outputs()]
    assert names == ["logits", "class_maps", "embedding", *(["outlines"] if "anatomical_features" in parts else [])]
    for name, value in zip(names, session.run(names, {"image": images}), strict=True):
        np.testing.assert_allclose(value, getattr(expected, name).numpy(), atol=1e-4, err_msg=name)
