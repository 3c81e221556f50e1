"""A trained classifier on disk: model.safetensors and model.json."""

from pathlib import Path

import torch
from torch import nn

from cxr.models.factory import ModelConfig, build_model
from cxr.models.weights_folder import WEIGHTS, WeightsCard, fill_weights, read_card, save_weights

__all__ = ["CARD", "WEIGHTS", "CheckpointCard", "load_checkpoint", "save_checkpoint"]

CARD = "model.json"


class CheckpointCard(WeightsCard):
    """The card of a classifier.

    Attributes:
        model: its shape.
    """

    model: ModelConfig


def save_checkpoint(model: nn.Module, card: CheckpointCard, folder: Path) -> CheckpointCard:
    """Write both files, and return the card with the weights' hash filled in."""
    return save_weights(model, card, folder, CARD)


def load_checkpoint(folder: Path) -> tuple[nn.Module, CheckpointCard]:
    """The network in evaluation mode, and its card.

    Raises:
        ConfigError: if a file is missing, altered, or of another format version.
    """
    card = read_card(folder, CARD, CheckpointCard, "cxr train")
    model = build_model(card.model, card.label_space)
    fill_weights(model, folder)
    return model.eval().to(memory_format=torch.channels_last), card
