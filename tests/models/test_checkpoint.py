import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from cxr.errors import ConfigError
from cxr.models.checkpoint import CARD, WEIGHTS, CheckpointCard, load_checkpoint, save_checkpoint
from cxr.models.factory import ModelConfig, build_model
from nlp_labeler.findings import LABELS
from nlp_labeler.storage import file_sha256


@pytest.fixture
def saved(tmp_path: Path, small_config: ModelConfig) -> Path:
    card = CheckpointCard(
        label_space=("Mass", "Nodule"), image_size=64, model=small_config, recipe="test", data="nothing"
    )
    save_checkpoint(build_model(small_config, LABELS[:2]).eval(), card, tmp_path)
    return tmp_path


def test_round_trip(saved: Path):
    first, card = load_checkpoint(saved)
    second, _ = load_checkpoint(saved)
    images = torch.rand(1, 1, 64, 64)
    torch.testing.assert_close(first(images).logits, second(images).logits)
    assert card.label_space == ("Mass", "Nodule")


def test_changed_weights_are_refused(saved: Path):
    weights = bytearray((saved / WEIGHTS).read_bytes())
    weights[-1] ^= 1
    (saved / WEIGHTS).write_bytes(weights)
    with pytest.raises(ConfigError, match="do not belong together"):
        load_checkpoint(saved)


@pytest.mark.parametrize("name", [WEIGHTS, CARD])
def test_missing_file_is_named(saved: Path, name: str):
    (saved / name).unlink()
    with pytest.raises(ConfigError, match=f"has no {name}"):
        load_checkpoint(saved)


def test_card_of_another_version_is_refused(saved: Path):
    card = (saved / CARD).read_text().replace('"format_version": 1', '"format_version": 2')
    (saved / CARD).write_text(card)
    with pytest.raises(ConfigError, match="format_version"):
        load_checkpoint(saved)


def test_a_checkpoint_with_earlier_names_is_read(tmp_path: Path, small_config: ModelConfig):
    """As a run of the first version wrote it: other keys in the card, other names of the weights."""
    config = small_config.model_copy(update={"anatomical_features": True})
    card = CheckpointCard(label_space=("Mass", "Nodule"), image_size=64, model=config, recipe="test", data="nothing")
    model = build_model(config, LABELS[:2]).eval()
    torch.nn.init.normal_(model.get_submodule("anatomy.log_odds").weight)
    save_checkpoint(model, card, tmp_path)
    weights = load_file(tmp_path / WEIGHTS)
    save_file({name.replace("anatomy.", "prior."): tensor for name, tensor in weights.items()}, tmp_path / WEIGHTS)
    old = json.loads((tmp_path / CARD).read_text())
    old["model"]["anatomical_prior"] = old["model"].pop("anatomical_features")
    old["weights_sha256"] = file_sha256(tmp_path / WEIGHTS)
    (tmp_path / CARD).write_text(json.dumps(old))
    images = torch.rand(2, 1, 64, 64)
    torch.testing.assert_close(load_checkpoint(tmp_path)[0](images).logits, model(images).logits)
