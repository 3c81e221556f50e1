"""A trained report generator on disk: model.safetensors and report_model.json, no pickles.

The trunk's weights are in the same file, so that a run needs nothing but itself.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from cxr.models.classifier import ChestXray8Network
from cxr.models.factory import ModelConfig, build_classifier
from cxr.models.tienet import TieNet
from cxr.models.tienet_factory import TieNetConfig, build_tienet
from nlp_labeler.errors import ConfigError

__all__ = [
    "REPORT_CARD",
    "ReportCard",
    "ReportModel",
    "bare_classifier",
    "load_report_model",
    "new_tienet",
    "save_report_model",
]

WEIGHTS, REPORT_CARD = "model.safetensors", "report_model.json"
_PADDING = 0


class ReportCard(BaseModel):
    """What must be known to use the weights, and to refuse others.

    Attributes:
        words: the vocabulary in order; the padding word is number 0.
        longest: words after which a report is cut off.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int = Field(default=1, ge=1, le=1)
    label_space: tuple[str, ...]
    image_size: int = Field(gt=0)
    trunk: ModelConfig
    model: TieNetConfig
    words: tuple[str, ...]
    longest: int = Field(gt=0)
    recipe: str
    data: str
    weights_sha256: str = ""


@dataclass(frozen=True)
class ReportModel:
    """A report generator.

    Attributes:
        trunk: the classifier whose features it reads.
        tienet: decoder, embedding and heads.
        card: what is known about them.
    """

    trunk: ChestXray8Network
    tienet: TieNet
    card: ReportCard


def bare_classifier(model: nn.Module) -> ChestXray8Network:
    """The classifier inside whatever was wrapped around it: its features are the trunk's."""
    while not isinstance(model, ChestXray8Network):
        model = model.get_submodule("classifier")
    return model


def new_tienet(config: TieNetConfig, trunk: ChestXray8Network, words: int, labels: int) -> TieNet:
    """A TieNet with fresh weights over a classifier's features."""
    channels = trunk.prediction.in_features
    return build_tienet(config, trunk_channels=channels, vocabulary=words, labels=labels, padding=_PADDING)


def save_report_model(model: ReportModel, folder: Path) -> ReportCard:
    """Write both files, weights first, and return the card with the weights' hash filled in."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{WEIGHTS}.tmp"
    parts = {"trunk": model.trunk, "tienet": model.tienet}
    tensors = {f"{name}.{k}": v for name, part in parts.items() for k, v in part.state_dict().items()}
    save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, temporary)
    digest = hashlib.sha256(temporary.read_bytes()).hexdigest()
    temporary.replace(folder / WEIGHTS)
    card = model.card.model_copy(update={"weights_sha256": digest})
    temporary = folder / f"{REPORT_CARD}.tmp"
    temporary.write_text(card.model_dump_json(indent=1) + "\n")
    temporary.replace(folder / REPORT_CARD)
    return card


def load_report_model(folder: Path) -> ReportModel:
    """The generator in evaluation mode, on the CPU.

    Raises:
        ConfigError: if a file is missing, altered, or of another format version.
    """
    for name in (WEIGHTS, REPORT_CARD):
        if not (folder / name).is_file():
            raise ConfigError(f"{folder} has no {name}; give the --out folder of a finished `cxr train-report`")
    try:
        card = ReportCard.model_validate(json.loads((folder / REPORT_CARD).read_text()))
    except (ValidationError, json.JSONDecodeError) as error:
        raise ConfigError(f"{folder / REPORT_CARD} is not a report card of this version: {error}") from error
    if hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest() != card.weights_sha256:
        raise ConfigError(f"{folder / WEIGHTS} is not the file that {REPORT_CARD} describes; train again")
    trunk = build_classifier(card.trunk, len(card.label_space))
    tienet = new_tienet(card.model, trunk, len(card.words), len(card.label_space))
    try:
        tensors = load_file(folder / WEIGHTS)
        for name, part in (("trunk.", trunk), ("tienet.", tienet)):
            part.load_state_dict({k.removeprefix(name): v for k, v in tensors.items() if k.startswith(name)})
    except (RuntimeError, SafetensorError) as error:
        raise ConfigError(f"{folder / WEIGHTS} does not fit the model its card describes: {error}") from error
    return ReportModel(trunk.eval().to(memory_format=torch.channels_last), tienet.eval(), card)
