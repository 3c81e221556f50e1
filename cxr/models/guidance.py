"""Attention guidance (Tang 2018): a second path that regresses where confident examples showed their finding."""

from dataclasses import replace

from torch import Tensor, nn

from cxr.models.classifier import ChestXray8Network
from cxr.models.output import ModelOutput


class GuidedNetwork(nn.Module):
    """A classifier with a regression path beside it, over the same features.

    Args:
        classifier: the classification path.
        width: channels of the regression path's hidden layer.
    """

    def __init__(self, classifier: ChestXray8Network, width: int = 64) -> None:
        super().__init__()
        self.classifier = classifier
        self.regression = nn.Sequential(
            nn.Conv2d(classifier.prediction.in_features, width, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, classifier.prediction.out_features, kernel_size=1),
        )

    @property
    def backbone(self) -> nn.Module:
        """The classifier's backbone."""
        return self.classifier.backbone

    def forward(self, images: Tensor) -> ModelOutput:
        """(N, 1, H, W) in [0, 1] -> ModelOutput whose class maps are the regression path's, in logit units."""
        features = self.classifier.features(images)
        output = self.classifier.classify(features)
        return replace(output, class_maps=self.regression(features), seed_maps=output.class_maps)
