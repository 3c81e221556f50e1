from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from cxr.errors import ConfigError
from cxr.models.backbone import Backbone, shipped_backbone, write_backbone


def test_unknown_name_offers_close_ones():
    with pytest.raises(ConfigError, match=r"'resnet19' is not a timm model; close names: .*"):
        Backbone("resnet19", {}, 0.5, 0.5)


def test_refused_options_are_named():
    with pytest.raises(ConfigError, match="does not take the options"):
        Backbone("test_efficientnet", {"colour": "red"}, 0.5, 0.5)


def test_normalisation_is_inside():
    """A network normalised inside equals one fed with normalised images."""
    inside = Backbone("test_efficientnet", {}, 0.4, 0.25).eval()
    outside = Backbone("test_efficientnet", {}, 0.0, 1.0).eval()
    outside.load_state_dict(inside.state_dict())
    images = torch.rand(2, 1, 64, 64)
    torch.testing.assert_close(inside(images), outside((images - 0.4) / 0.25))


def test_weights_of_the_same_architecture_load_without_their_classifier(tmp_path: Path):
    source = Backbone("test_efficientnet", {}, 0.5, 0.5)
    path = tmp_path / "weights.safetensors"
    save_file({**source.network.state_dict(), "classifier.weight": torch.zeros(2, 2)}, path)
    target = Backbone("test_efficientnet", {}, 0.5, 0.5)
    target.load_weights(path)
    images = torch.rand(1, 1, 64, 64)
    torch.testing.assert_close(source.eval()(images), target.eval()(images))


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such file"), (b"not safetensors", "not a safetensors file")],
)
def test_unusable_weight_files(tmp_path: Path, content: bytes | None, message: str):
    path = tmp_path / "weights.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        Backbone("test_efficientnet", {}, 0.5, 0.5).load_weights(path)


def test_weights_of_another_architecture_are_refused(tmp_path: Path):
    path = tmp_path / "weights.safetensors"
    save_file(Backbone("test_resnet", {}, 0.5, 0.5).network.state_dict(), path)
    with pytest.raises(ConfigError, match="another architecture"):
        Backbone("test_efficientnet", {}, 0.5, 0.5).load_weights(path)


def test_real_imagenet_weights_fit(shared_data: Path):
    backbone = Backbone("mobilenetv2_100", {"pad_type": "same"}, 0.5, 0.5)
    before = backbone.network.state_dict()["conv_stem.weight"].clone()
    backbone.load_weights(shared_data / "weights" / "mobilenetv2_100_imagenet.safetensors")
    assert not torch.equal(before, backbone.network.state_dict()["conv_stem.weight"])


def test_written_backbone_loads_to_the_same_features_within_half_precision(tmp_path: Path):
    source, target = (Backbone("test_efficientnet", {}, 0.5, 0.5).eval() for _ in range(2))
    write_backbone(source, tmp_path / "weights.safetensors")
    target.load_weights(tmp_path / "weights.safetensors")
    images = torch.rand(1, 1, 64, 64)
    torch.testing.assert_close(source(images), target(images), atol=0.05, rtol=0.05)


def test_a_backbone_without_shipped_weights_is_named():
    with pytest.raises(ConfigError, match="no weights are shipped for backbone 'resnet50'"):
        shipped_backbone("resnet50")
