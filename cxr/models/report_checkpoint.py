"""A trained report generator on disk: model.safetensors and report_model.json, no pickles.

The classifier's weights are in the same file, so that a run needs nothing but itself.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import Field
from torch import nn

from cxr.models.checkpoint import WeightsCard, fill_weights, read_card, save_weights
from cxr.models.classifier import ChestXray8Network
from cxr.models.factory import ModelConfig, build_classifier
from cxr.models.tienet import TieNet
from cxr.models.tienet_factory import TieNetConfig, build_tienet

__all__ = [
    "REPORT_CARD",
    "ReportCard",
    "ReportModel",
    "load_report_model",
    "new_tienet",
    "save_report_model",
]

REPORT_CARD = "report_model.json"
_PADDING = 0


class ReportCard(WeightsCard):
    """The card of a report generator.

    Attributes:
        classifier: shape of the classifier whose features it reads.
        model: shape of the rest.
        words: the vocabulary in order; the padding word is number 0.
        longest: words after which a report is cut off.
    """

    classifier: ModelConfig
    model: TieNetConfig
    words: tuple[str, ...]
    longest: int = Field(gt=0)


@dataclass(frozen=True)
class ReportModel:
    """A report generator.

    Attributes:
        classifier: the classifier whose features it reads.
        tienet: decoder, embedding and heads.
        card: what is known about them.
    """

    classifier: ChestXray8Network
    tienet: TieNet
    card: ReportCard


def new_tienet(config: TieNetConfig, classifier: ChestXray8Network, words: int, labels: int) -> TieNet:
    """A TieNet with fresh weights over a classifier's features, and with that classifier's class maps."""
    head = classifier.prediction
    tienet = build_tienet(config, feature_channels=head.in_features, vocabulary=words, labels=labels, padding=_PADDING)
    tienet.class_maps.load_state_dict({"weight": head.weight[:, :, None, None], "bias": head.bias})
    return tienet


def save_report_model(model: ReportModel, folder: Path) -> ReportCard:
    """Write both files, and return the card with the weights' hash filled in."""
    return save_weights(_both(model), model.card, folder, REPORT_CARD)


def load_report_model(folder: Path) -> ReportModel:
    """The generator in evaluation mode, on the CPU.

    Raises:
        ConfigError: if a file is missing, altered, or of another format version.
    """
    card = read_card(folder, REPORT_CARD, ReportCard, "cxr train-report")
    classifier = build_classifier(card.classifier, len(card.label_space))
    tienet = new_tienet(card.model, classifier, len(card.words), len(card.label_space))
    model = ReportModel(classifier.eval().to(memory_format=torch.channels_last), tienet.eval(), card)
    fill_weights(_both(model), folder)
    return model


def _both(model: ReportModel) -> nn.ModuleDict:
    return nn.ModuleDict({"classifier": model.classifier, "tienet": model.tienet})
