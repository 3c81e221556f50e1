"""What a reader takes with a ruler: sizes, places and brightness of lungs and heart, as numbers."""

import torch
from torch import Tensor

from cxr.models.outlines import SIDE, STRUCTURES, OutlinedChest

__all__ = ["MEASURES", "measure"]

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
