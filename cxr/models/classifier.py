"""The unified ChestX-ray8 network (Wang 2017): backbone -> transition -> pooling -> prediction."""

import torch
from torch import Tensor, nn

from cxr.models.backbone import Backbone
from cxr.models.output import ModelOutput


class ChestXray8Network(nn.Module):
    """Multi-label classifier whose prediction weights turn the transition activations into class heatmaps.

    Args:
        backbone: image -> (N, backbone.channels, S, S).
        transition_channels: D of the transition layer; 0 pools the backbone's own features.
        pooling: (N, D, S, S) -> (N, D).
        labels: C.
        dropout: probability on the pooled features while training.
    """

    def __init__(
        self, backbone: Backbone, transition_channels: int, pooling: nn.Module, labels: int, dropout: float
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.transition: nn.Module = nn.Identity()
        channels = backbone.channels
        if transition_channels:
            self.transition = nn.Sequential(
                nn.Conv2d(channels, transition_channels, kernel_size=1, bias=False),
                nn.BatchNorm2d(transition_channels),
                nn.ReLU(inplace=True),
            )
            channels = transition_channels
        self.pooling = pooling
        self.dropout = nn.Dropout(dropout)
        self.prediction = nn.Linear(channels, labels)

    def forward(self, images: Tensor) -> ModelOutput:
        """(N, 1, H, W) in [0, 1] -> ModelOutput with C labels.

        The class map of label c is sum_d activation[d] * weight[d, c] + bias[c] (Wang 2017, eq. 4).
        """
        features = self.transition(self.backbone(images))  # (N, D, S, S)
        embedding = self.pooling(features)  # (N, D)
        logits = self.prediction(self.dropout(embedding))
        weight = self.prediction.weight[:, :, None, None]  # (C, D, 1, 1)
        class_maps = torch.nn.functional.conv2d(features, weight, self.prediction.bias)
        return ModelOutput(logits=logits, class_maps=class_maps, embedding=embedding)
