"""A model from its configuration: the one place that knows how the parts fit together."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from cxr.models.anatomical_features import ClassifierWithAnatomy
from cxr.models.attention_guidance import GuidedNetwork
from cxr.models.attention_mining import AttentionMiningNetwork
from cxr.models.backbone import Backbone
from cxr.models.classifier import ChestXray8Network, ImageClassifier
from cxr.models.hierarchy import HierarchicalNetwork
from cxr.models.multi_scale import MultiScaleAggregation
from cxr.models.pooling import PoolingName, make_pooling


class BackboneConfig(BaseModel):
    """Which timm network, how its input is normalised, and which of its stages are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    options: dict[str, Any] = Field(default_factory=dict)
    input_mean: float = 0.5
    input_std: float = Field(default=0.5, gt=0)
    stages: tuple[int, ...] = ()


class MiningConfig(BaseModel):
    """Iterative attention mining: number of steps and what counts as salient."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(default=2, ge=1, le=5)
    tau: float = Field(default=0.5, gt=0, lt=1)


class ModelConfig(BaseModel):
    """Everything that fixes the shape of a network but its label space."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: BackboneConfig
    transition_channels: int = Field(default=1024, ge=0)
    pooling: PoolingName = "lse"
    lse_r: float = Field(default=10.0, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    context_dropout: float | None = Field(default=None, ge=0, lt=1)
    mining: MiningConfig | None = None
    guided: bool = False
    hierarchical: bool = False
    anatomical_features: bool = False


def build_classifier(config: ModelConfig, labels: int) -> ChestXray8Network:
    """Backbone, transition, pooling and prediction, before any wrapping.

    Raises:
        ConfigError: if timm does not know the backbone or a stage of it.
    """
    settings = config.backbone
    backbone = Backbone(settings.name, settings.options, settings.input_mean, settings.input_std, settings.stages)
    parts: dict[str, Any] = {
        "backbone": backbone,
        "transition": _transition(backbone, config),
        "channels": config.transition_channels or backbone.channels,
        "pooling": make_pooling(config.pooling, config.lse_r),
        "labels": labels,
        "dropout": config.dropout,
    }
    if config.mining is None:
        return ChestXray8Network(**parts)
    return AttentionMiningNetwork(steps=config.mining.steps, tau=config.mining.tau, **parts)


def build_model(config: ModelConfig, label_space: Sequence[str]) -> ImageClassifier:
    """A classifier with fresh weights.

    Args:
        config: its shape.
        label_space: names of its labels; what they are matters to an ontology only.

    Raises:
        ConfigError: if timm does not know the backbone or a stage of it, or it gives no maps.
    """
    model: ImageClassifier = build_classifier(config, len(label_space))
    if config.anatomical_features:
        return ClassifierWithAnatomy(model, len(label_space))
    if config.guided:
        model = GuidedNetwork(model)
    return HierarchicalNetwork(model, label_space) if config.hierarchical else model


def _transition(backbone: Backbone, config: ModelConfig) -> nn.Module:
    channels = config.transition_channels
    if backbone.stages:
        return MultiScaleAggregation(backbone.stage_channels, channels or backbone.channels, config.context_dropout)
    if not channels:
        return nn.Identity()
    return nn.Sequential(
        nn.Conv2d(backbone.channels, channels, kernel_size=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(True)
    )
