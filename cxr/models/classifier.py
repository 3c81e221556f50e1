"""What every image classifier is and returns, and the unified ChestX-ray8 network (Wang 2017)."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cxr.models.backbone import Backbone


@dataclass(frozen=True)
class ModelOutput:
    """Result of one forward pass over N images with C labels.

    Attributes:
        logits: (N, C), one per label, before the sigmoid.
        class_maps: (N, C, S, S), evidence for each label per cell in logit units, before pooling; what is shown.
        embedding: (N, D), the pooled image features, used for retrieval.
        step_logits: (N, T, C), the scores of each step of attention mining; T = 1 without it.
        seed_maps: (N, C, S, S), the classification path's own class maps; ``class_maps`` may be another path's
            (attention guidance).
        conditional_logits: (N, C), each label's score given that its parent is present; ``logits`` without an ontology.
        outlines: (N, 3, SIDE, SIDE), where lungs and heart lie, as of cxr.models.outlines.OutlinedChest.logits; None
            from a network that does not look.
    """

    logits: Tensor
    class_maps: Tensor
    embedding: Tensor
    step_logits: Tensor
    seed_maps: Tensor
    conditional_logits: Tensor
    outlines: Tensor | None = None


class ImageClassifier(nn.Module, ABC):
    """What scores radiographs: the unified network, by itself or inside what a method puts around it."""

    @property
    @abstractmethod
    def unified(self) -> "ChestXray8Network":
        """The unified network inside: its backbone, its features, its prediction layer."""

    @abstractmethod
    def forward(self, images: Tensor) -> ModelOutput:
        """(N, 1, H, W) in [0, 1] -> ModelOutput with C labels."""


class WrappedClassifier(ImageClassifier):
    """A method around a classifier.

    Args:
        classifier: the one inside.
    """

    def __init__(self, classifier: ImageClassifier) -> None:
        super().__init__()
        self.classifier = classifier

    @property
    def unified(self) -> "ChestXray8Network":
        """The innermost classifier's network."""
        return self.classifier.unified


class ChestXray8Network(ImageClassifier):
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

    @property
    def unified(self) -> "ChestXray8Network":
        """This network itself."""
        return self

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
        return ModelOutput(
            logits=logits,
            class_maps=class_maps,
            embedding=embedding,
            step_logits=logits[:, None],
            seed_maps=class_maps,
            conditional_logits=logits,
        )

    def forward(self, images: Tensor) -> ModelOutput:
        """(N, 1, H, W) in [0, 1] -> ModelOutput with C labels."""
        return self.classify(self.features(images))
