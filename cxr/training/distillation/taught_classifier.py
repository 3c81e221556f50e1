"""A classifier that also learns who is on the film and how it was taken."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cxr.models.classifier import ChestXray8Network
from cxr.models.factory import ModelConfig, build_classifier
from cxr.models.output import ModelOutput

__all__ = ["ATTRIBUTES", "TaughtClassifier", "TaughtOutput"]

ATTRIBUTES = ("male", "anterior-posterior", "age")
"""What the films' tables say of them: two classes, and the age in deviations from the mean."""


@dataclass(frozen=True)
class TaughtOutput:
    """Of N films.

    Attributes:
        findings: of the classifier.
        attributes: (N, len(ATTRIBUTES)), two logits and a standardised age.
    """

    findings: ModelOutput
    attributes: Tensor


class TaughtClassifier(nn.Module):
    """A classifier with a linear head for ATTRIBUTES on its pooled features; only the classifier is kept in the end.

    Args:
        config: shape of the classifier. Its anatomical prior, if it has one, is fitted afterwards and plays no part.
        labels: C.
    """

    def __init__(self, config: ModelConfig, labels: int) -> None:
        super().__init__()
        self.classifier: ChestXray8Network = build_classifier(config, labels)
        self.attributes = nn.Linear(self.classifier.prediction.in_features, len(ATTRIBUTES))

    def forward(self, images: Tensor) -> TaughtOutput:
        """(N, 1, H, W) in [0, 1] -> TaughtOutput. On an accelerator the convolutions work in bfloat16."""
        kind = images.device.type
        with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda", cache_enabled=False):
            features = self.classifier.features(images)
        findings = self.classifier.classify(features.float())
        return TaughtOutput(findings, self.attributes(findings.embedding))
