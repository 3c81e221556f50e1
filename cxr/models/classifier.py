"""The unified ChestX-ray8 network (Wang 2017): backbone -> transition -> pooling -> prediction."""

import torch
from torch import Tensor, nn

from cxr.models.backbone import Backbone
from cxr.models.output import ModelOutput


class ChestXray8Network(nn.Module):
    """Multi-label classifier whose prediction weights turn the transition activations into class heatmaps.

    Args:
        backbone: image -> feature map, or a tuple of them where the transition aggregates several.
        transition: what the backbone gives -> (N, channels, S, S).
        channels: D, the channels that the transition gives.
        pooling: (N, D, S, S) -> (N, D).
        labels: C.
        dropout: probability on the pooled features while training.
    """

    def __init__(
        self, backbone: Backbone, transition: nn.Module, channels: int, pooling: nn.Module, labels: int, dropout: float
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.transition = transition
        self.pooling = pooling
        self.dropout = nn.Dropout(dropout)
        self.prediction = nn.Linear(channels, labels)

    def features(self, images: Tensor) -> Tensor:
        """(N, 1, H, W) in [0, 1] -> (N, D, S, S)."""
        features: Tensor = self.transition(self.backbone(images))
        return features

    def classify(self, features: Tensor) -> ModelOutput:
        """(N, D, S, S) -> ModelOutput with C labels.

        The class map of label c is sum_d activation[d] * weight[d, c] + bias[c] (Wang 2017, eq. 4).
        """
        embedding = self.pooling(features)  # (N, D)
        logits = self.prediction(self.dropout(embedding))
        weight = self.prediction.weight[:, :, None, None]  # (C, D, 1, 1)
        class_maps = torch.nn.functional.conv2d(features, weight, self.prediction.bias)
        return ModelOutput(logits=logits, class_maps=class_maps, embedding=embedding)

    def forward(self, images: Tensor) -> ModelOutput:
        """(N, 1, H, W) in [0, 1] -> ModelOutput with C labels."""
        return self.classify(self.features(images))
