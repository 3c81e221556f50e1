"""A model from its configuration: the one place that knows how the parts fit together."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cxr.models.backbone import Backbone
from cxr.models.classifier import ChestXray8Network
from cxr.models.pooling import PoolingName, make_pooling


class BackboneConfig(BaseModel):
    """Which timm network, and how its input is normalised."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    options: dict[str, Any] = Field(default_factory=dict)
    input_mean: float = 0.5
    input_std: float = Field(default=0.5, gt=0)


class ModelConfig(BaseModel):
    """Everything that fixes the shape of a network but its label space."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: BackboneConfig
    transition_channels: int = Field(default=1024, ge=0)
    pooling: PoolingName = "lse"
    lse_r: float = Field(default=10.0, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)


def build_model(config: ModelConfig, labels: int) -> ChestXray8Network:
    """A network with fresh weights for ``labels`` labels.

    Raises:
        ConfigError: if timm does not know the backbone.
    """
    backbone = Backbone(
        config.backbone.name, config.backbone.options, config.backbone.input_mean, config.backbone.input_std
    )
    return ChestXray8Network(
        backbone, config.transition_channels, make_pooling(config.pooling, config.lse_r), labels, config.dropout
    )
