"""A trained model on disk: model.safetensors and model.json, no pickles."""

import hashlib
import json
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from cxr.models.factory import ModelConfig, build_model
from nlp_labeler.errors import ConfigError

WEIGHTS, CARD = "model.safetensors", "model.json"


class CheckpointCard(BaseModel):
    """What must be known to use the weights, and to refuse others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int = Field(default=1, ge=1, le=1)
    label_space: tuple[str, ...]
    image_size: int = Field(gt=0)
    model: ModelConfig
    recipe: str
    data: str
    weights_sha256: str = ""


def save_checkpoint(model: nn.Module, card: CheckpointCard, folder: Path) -> CheckpointCard:
    """Write both files, weights first, and return the card with the weights' hash filled in."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{WEIGHTS}.tmp"
    save_file({k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}, temporary)
    digest = hashlib.sha256(temporary.read_bytes()).hexdigest()
    temporary.replace(folder / WEIGHTS)
    card = card.model_copy(update={"weights_sha256": digest})
    temporary = folder / f"{CARD}.tmp"
    temporary.write_text(card.model_dump_json(indent=1) + "\n")
    temporary.replace(folder / CARD)
    return card


def load_checkpoint(folder: Path) -> tuple[nn.Module, CheckpointCard]:
    """The network in evaluation mode, and its card.

    Raises:
        ConfigError: if a file is missing, altered, or of another format version.
    """
    for name in (WEIGHTS, CARD):
        if not (folder / name).is_file():
            raise ConfigError(f"{folder} has no {name}; give the --out folder of a finished `cxr train`")
    try:
        card = CheckpointCard.model_validate(json.loads((folder / CARD).read_text()))
    except (ValidationError, json.JSONDecodeError) as error:
        raise ConfigError(f"{folder / CARD} is not a checkpoint card of this version: {error}") from error
    found = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    if found != card.weights_sha256:
        raise ConfigError(
            f"{folder / WEIGHTS} has sha256 {found[:12]}..., its card says {card.weights_sha256[:12]}...; "
            "the two files do not belong together"
        )
    model = build_model(card.model, card.label_space)
    try:
        model.load_state_dict(load_file(folder / WEIGHTS))
    except (RuntimeError, SafetensorError) as error:
        raise ConfigError(f"{folder / WEIGHTS} does not fit the model its card describes: {error}") from error
    return model.eval().to(memory_format=torch.channels_last), card
