"""Trained weights on disk beside a card that describes them: safetensors and JSON, no pickles.

Neither file is taken without the other; names that runs of earlier versions carry are translated here.
"""

import json
import re
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from cxr.models.classifier import ImageClassifier
from cxr.models.factory import ModelConfig, build_model
from nlp_labeler.errors import ConfigError
from nlp_labeler.findings import FindingTable, register
from nlp_labeler.storage import atomic_path, file_sha256, write_text

__all__ = [
    "CARD",
    "WEIGHTS",
    "CheckpointCard",
    "WeightsCard",
    "fill_weights",
    "load_checkpoint",
    "read_card",
    "save_checkpoint",
    "save_weights",
]

WEIGHTS = "model.safetensors"
CARD = "model.json"

_RENAMED_KEYS = {"anatomical_prior": "anatomical_features", "trunk": "classifier"}
"""Keys of earlier cards -> what they are called now."""
_RENAMED_WEIGHTS = {
    r"^prior\.": "anatomy.",
    r"^trunk\.": "classifier.",
    r"\.crosses_off\.": ".coverage.",
    r"\.plan_(slope|intercept)$": r".content_plan_\1",
    r"\.opinion_weights$": ".ensemble_weights",
}
"""Patterns in the names of earlier weights -> what takes their place."""


class WeightsCard(BaseModel):
    """What must be known to use weights, and to refuse others; each kind of model adds its shape.

    Attributes:
        label_space: C labels in the order of the outputs.
        image_size: edge of the network's input in pixels.
        recipe: that trained it.
        data: that it was trained on.
        weights_sha256: of the weights file; "" before it is written.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int = Field(default=1, ge=1, le=1)
    label_space: tuple[str, ...]
    image_size: int = Field(gt=0)
    recipe: str
    data: str
    weights_sha256: str = ""


Card = TypeVar("Card", bound=WeightsCard)


def save_weights(model: nn.Module, card: Card, folder: Path, card_name: str) -> Card:
    """Write both files, weights first, and return the card with the weights' hash filled in."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / WEIGHTS) as temporary:
        # Copies, since the file refuses tensors that share their memory, as tied word embeddings do.
        save_file({k: v.detach().cpu().contiguous().clone() for k, v in model.state_dict().items()}, temporary)
    card = card.model_copy(update={"weights_sha256": file_sha256(folder / WEIGHTS)})
    write_text(folder / card_name, card.model_dump_json(indent=1) + "\n")
    return card


def read_card(folder: Path, card_name: str, kind: type[Card], command: str) -> Card:
    """The card of a folder whose weights are the ones it describes.

    Args:
        folder: of the two files.
        card_name: of the card's file.
        kind: what the card must be.
        command: whose output the folder should be, for the refusal.

    Raises:
        ConfigError: if a file is missing, altered, or of another format version.
    """
    for name in (WEIGHTS, card_name):
        if not (folder / name).is_file():
            raise ConfigError(f"{folder} has no {name}; give the --out folder of a finished `{command}`")
    try:
        card = kind.model_validate(json.loads((folder / card_name).read_text(), object_hook=_present_keys))
    except (ValidationError, json.JSONDecodeError) as error:
        raise ConfigError(f"{folder / card_name} is not a card of this version of `{command}`: {error}") from error
    found = file_sha256(folder / WEIGHTS)
    if found != card.weights_sha256:
        raise ConfigError(
            f"{folder / WEIGHTS} has sha256 {found[:12]}..., its card says {card.weights_sha256[:12]}...; "
            "the two files do not belong together"
        )
    return card


def fill_weights(model: nn.Module, folder: Path) -> None:
    """Load the weights of a folder into a model.

    Raises:
        ConfigError: if they do not fit it.
    """
    try:
        model.load_state_dict({_present_name(name): tensor for name, tensor in load_file(folder / WEIGHTS).items()})
    except (RuntimeError, SafetensorError) as error:
        raise ConfigError(f"{folder / WEIGHTS} does not fit the model its card describes: {error}") from error


def _present_keys(table: dict[str, Any]) -> dict[str, Any]:
    return {_RENAMED_KEYS.get(key, key): value for key, value in table.items()}


def _present_name(weights: str) -> str:
    for pattern, name in _RENAMED_WEIGHTS.items():
        weights = re.sub(pattern, name, weights)
    return weights


class CheckpointCard(WeightsCard):
    """The card of a classifier.

    Attributes:
        model: its shape.
        findings: the label space it was trained on where that is the user's own.
    """

    model: ModelConfig
    findings: FindingTable | None = None


def save_checkpoint(model: ImageClassifier, card: CheckpointCard, folder: Path) -> CheckpointCard:
    """Write both files, and return the card with the weights' hash filled in."""
    return save_weights(model, card, folder, CARD)


def load_checkpoint(folder: Path) -> tuple[ImageClassifier, CheckpointCard]:
    """The network in evaluation mode, and its card.

    Raises:
        ConfigError: if a file is missing, altered, or of another format version.
    """
    card = read_card(folder, CARD, CheckpointCard, "cxr train")
    if card.findings is not None:
        register(card.findings, str(folder / CARD))
    model = build_model(card.model, card.label_space)
    fill_weights(model, folder)
    model.eval().to(memory_format=torch.channels_last)
    return model, card
