"""A classifier beside a second opinion that looks at the sizes of lungs and heart alone."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from cxr.models.anatomical_measures import MEASURES, measure
from cxr.models.classifier import ChestXray8Network
from cxr.models.outlines import OutlinedChest, Outlines
from cxr.models.output import ModelOutput

__all__ = ["AnatomicalPrior", "ClassifierWithPrior", "MeasuredOdds"]

# Between these deviations of its pixels a picture fades into one without a chest, and the prior with it.
_FLAT, _CONTRAST = 0.001, 0.02
# A measure this many deviations off is taken at the limit: outlines of a strange picture must not decide alone.
_LIMIT = 4.0


@dataclass(frozen=True)
class MeasuredOdds:
    """What N radiographs' anatomy says of C labels.

    Attributes:
        log_odds: (N, C).
        chest: the outlines that were measured.
    """

    log_odds: Tensor
    chest: OutlinedChest


class AnatomicalPrior(nn.Module):
    """Log odds of each label given the anatomical measures, linear in them; 0 until it is fitted.

    Args:
        labels: C.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.outlines = Outlines()
        self.register_buffer("centre", torch.zeros(len(MEASURES)))
        self.register_buffer("scale", torch.ones(len(MEASURES)))
        self.log_odds = nn.Linear(len(MEASURES), labels)
        nn.init.zeros_(self.log_odds.weight)
        nn.init.zeros_(self.log_odds.bias)
        self.requires_grad_(False)

    def standardized(self, images: Tensor) -> Tensor:
        """(N, 1, H, W) in [0, 1] -> (N, len(MEASURES)), in deviations from the training patients' mean."""
        return self._standardized(self.outlines(images))

    def forward(self, images: Tensor) -> MeasuredOdds:
        """(N, 1, H, W) in [0, 1] -> MeasuredOdds."""
        chest = self.outlines(images)
        contrast = images.flatten(1).std(dim=1, keepdim=True)
        odds = self.log_odds(self._standardized(chest)) * ((contrast - _FLAT) / (_CONTRAST - _FLAT)).clamp(0, 1)
        return MeasuredOdds(odds, chest)

    def _standardized(self, chest: OutlinedChest) -> Tensor:
        return ((measure(chest) - self.centre) / self.scale).clamp(-_LIMIT, _LIMIT)


class ClassifierWithPrior(nn.Module):
    """A classifier whose logits are raised and lowered by the anatomical prior.

    On a few thousand images a convolutional network learns the width of a heart badly, a ruler well. The two are
    trained apart and their log odds added, which is a product of experts (Hinton 2002, doi:10.1162/089976602760128018):
    while training, this is the classifier alone. What is added is the same for every cell of a class map.

    Args:
        classifier: images -> ModelOutput with C labels.
        labels: C.
    """

    def __init__(self, classifier: ChestXray8Network, labels: int) -> None:
        super().__init__()
        self.classifier = classifier
        self.prior = AnatomicalPrior(labels)

    @property
    def backbone(self) -> nn.Module:
        """The classifier's backbone."""
        return self.classifier.backbone

    def forward(self, images: Tensor) -> ModelOutput:
        """(N, 1, H, W) in [0, 1] -> ModelOutput."""
        output: ModelOutput = self.classifier(images)
        if self.training:
            return output
        prior: MeasuredOdds = self.prior(images)
        return replace(
            output,
            logits=output.logits + prior.log_odds,
            class_maps=output.class_maps + prior.log_odds[:, :, None, None],
            step_logits=None,
            outlines=prior.chest.logits,
        )
