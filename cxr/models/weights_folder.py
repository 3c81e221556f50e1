"""Weights on disk beside a card that describes them: safetensors and JSON, no pickles, neither without the other."""

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from nlp_labeler.errors import ConfigError
from nlp_labeler.storage import atomic_path, file_sha256, write_text

__all__ = ["WEIGHTS", "WeightsCard", "fill_weights", "read_card", "save_weights"]

WEIGHTS = "model.safetensors"


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
        card = kind.model_validate(json.loads((folder / card_name).read_text()))
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
        model.load_state_dict(load_file(folder / WEIGHTS))
    except (RuntimeError, SafetensorError) as error:
        raise ConfigError(f"{folder / WEIGHTS} does not fit the model its card describes: {error}") from error
