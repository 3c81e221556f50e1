"""Attention guidance (Tang 2018): a second path that regresses where confident examples showed their finding."""

from dataclasses import replace

from torch import Tensor, nn

from cxr.models.classifier import ImageClassifier, ModelOutput, WrappedClassifier


class GuidedNetwork(WrappedClassifier):
    """A classifier with a regression path beside it, over the same features.

    Args:
        classifier: the classification path.
        width: channels of the regression path's hidden layer.
    """

    def __init__(self, classifier: ImageClassifier, width: int = 64) -> None:
        super().__init__(classifier)
        prediction = self.unified.prediction
        self.regression = nn.Sequential(
            nn.Conv2d(prediction.in_features, width, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, prediction.out_features, kernel_size=1),
        )

    def forward(self, images: Tensor) -> ModelOutput:
        """(N, 1, H, W) in [0, 1] -> ModelOutput whose class maps are the regression path's, in logit units."""
        features = self.unified.features(images)
        output = self.unified.classify(features)
        return replace(output, class_maps=self.regression(features), seed_maps=output.class_maps)
