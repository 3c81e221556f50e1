"""A classifier beside a regression on anatomical features: sizes, places and brightness of lungs and heart."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from cxr.models.classifier import ImageClassifier, ModelOutput, WrappedClassifier
from cxr.models.outlines import SIDE, STRUCTURES, OutlinedChest, Outlines

__all__ = ["MEASURES", "AnatomicalRegression", "ClassifierWithAnatomy", "MeasuredOdds", "measure"]

_EACH = ("area", "width", "height", "brightness", "contrast", "level")
MEASURES = (
    *(f"{structure}: {quantity}" for quantity in _EACH for structure in STRUCTURES),
    *(f"{lung}, {half} half: brightness" for half in ("upper", "lower") for lung in STRUCTURES[:2]),
    "heart: share of area",
    "cardiothoracic ratio",
    "lungs: difference of area",
    "lungs: difference of brightness",
)
"""Names of the measures, in order. Lengths are shares of the square's side, areas of the square, brightness is in
[0, 1], contrast its standard deviation, level the height of the centre counted from the top."""

# Keeps a quotient finite, and its error below a pixel, where an outline is empty.
_PIXEL = 1.0 / SIDE


def measure(chest: OutlinedChest) -> Tensor:
    """The measures of N outlined radiographs.

    Sums of mask values stand for counts of pixels and the largest value along a line for whether the line meets the
    structure, so that no threshold is needed.

    Args:
        chest: see OutlinedChest.

    Returns:
        (N, len(MEASURES)).
    """
    images, masks = chest.images, chest.masks
    columns, rows = masks.amax(dim=2), masks.amax(dim=3)  # (N, 3, SIDE): does the structure reach this line?
    area, width, height = masks.mean(dim=(2, 3)), columns.mean(dim=2), rows.mean(dim=2)
    brightness = _mean(images, masks)
    contrast = _mean((images - brightness[:, :, None, None]).square(), masks).clamp(min=1e-6).sqrt()
    down = torch.linspace(0, 1, SIDE, device=images.device)[None, None, :, None]
    level = _mean(down, masks)
    lungs = masks[:, :2]
    # A line that the centre crosses counts in part: a hard cut would let rounding move it from one half to the other.
    upper = ((level[:, :2, None, None] - down) * (SIDE - 1) + 0.5).clamp(0, 1)
    thorax = columns[:, :2].amax(dim=1).mean(dim=1)
    return torch.cat(
        [
            *(area, width, height, brightness, contrast, level),
            _mean(images, lungs * upper),
            _mean(images, lungs * (1 - upper)),
            torch.stack(
                [
                    area[:, 2] / (area.sum(dim=1) + _PIXEL**2),
                    width[:, 2] / (thorax + _PIXEL),
                    (area[:, 0] - area[:, 1]).abs(),
                    (brightness[:, 0] - brightness[:, 1]).abs(),
                ],
                dim=1,
            ),
        ],
        dim=1,
    )


def _mean(values: Tensor, masks: Tensor) -> Tensor:
    """Mean of values, broadcast to (N, K, SIDE, SIDE), over each of N x K masks -> (N, K); about 0 if one is empty."""
    return (values * masks).sum(dim=(2, 3)) / (masks.sum(dim=(2, 3)) + 1)


# Between these deviations of its pixels a picture fades into one without a chest, and the regression with it.
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


class AnatomicalRegression(nn.Module):
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


class ClassifierWithAnatomy(WrappedClassifier):
    """A classifier whose logits are raised and lowered by the regression on anatomical features.

    On a few thousand images a convolutional network learns the width of a heart badly, a ruler well. The two are
    trained apart and their log odds added, which is a product of experts (Hinton 2002, doi:10.1162/089976602760128018):
    while training, this is the classifier alone. What is added is the same for every cell of a class map.

    Args:
        classifier: images -> ModelOutput with C labels.
        labels: C.
    """

    def __init__(self, classifier: ImageClassifier, labels: int) -> None:
        super().__init__(classifier)
        self.anatomy = AnatomicalRegression(labels)

    def forward(self, images: Tensor) -> ModelOutput:
        """(N, 1, H, W) in [0, 1] -> ModelOutput."""
        output: ModelOutput = self.classifier(images)
        if self.training:
            return output
        measured: MeasuredOdds = self.anatomy(images)
        logits = output.logits + measured.log_odds
        class_maps = output.class_maps + measured.log_odds[:, :, None, None]
        return replace(
            output,
            logits=logits,
            class_maps=class_maps,
            step_logits=logits[:, None],
            seed_maps=class_maps,
            conditional_logits=logits,
            outlines=measured.chest.logits,
        )
