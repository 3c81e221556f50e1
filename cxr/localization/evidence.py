"""Class maps -> heatmaps over the image, and boxes in pixels of the input."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr.imaging.preprocessing import Placement
from cxr.localization.boxes import Box, BoxSettings, boxes_from_heatmap, normalize_heatmap

__all__ = ["content", "heatmap_on_image", "locate"]


def heatmap_on_image(class_map: NDArray[np.float32], placement: Placement, size: int) -> NDArray[np.float32]:
    """A class map stretched over the network's square, without the padding around the image.

    Args:
        class_map: (S, S) in logit units.
        placement: where the image lies in the square.
        size: side of the square in pixels.

    Returns:
        (h, w) float32 in [0, 1]: exactly the part of the square that the image covers.
    """
    square = np.asarray(Image.fromarray(class_map).resize((size, size), Image.Resampling.BICUBIC))
    left, top, right, bottom = content(placement, size)
    return normalize_heatmap(square[top:bottom, left:right])


def locate(
    heatmap: NDArray[np.float32], placement: Placement, size: int, settings: BoxSettings, probability: float
) -> tuple[Box, ...]:
    """Boxes of one finding in pixels of the input.

    Args:
        heatmap: as :func:`heatmap_on_image` gives it.
        placement: where the image lies in the network's square.
        size: side of the square in pixels.
        settings: the finding's box settings.
        probability: its calibrated probability; a box's score is this times its relative heat.
    """
    left, top, _, _ = content(placement, size)
    found = []
    for box in boxes_from_heatmap(heatmap, settings):
        x, y, width, height = placement.box_to_input(box.x + left, box.y + top, box.width, box.height)
        x0, y0 = max(0.0, x), max(0.0, y)
        x1, y1 = min(float(placement.width), x + width), min(float(placement.height), y + height)
        found.append(
            Box(round(x0, 1), round(y0, 1), round(x1 - x0, 1), round(y1 - y0, 1), round(box.score * probability, 4))
        )
    return tuple(found)


def content(placement: Placement, size: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the image in the network's square, in whole pixels."""
    x, y, width, height = placement.box_to_network(0, 0, placement.width, placement.height)
    left, top = min(max(0, round(x)), size - 1), min(max(0, round(y)), size - 1)
    return left, top, max(left + 1, min(size, round(x + width))), max(top + 1, min(size, round(y + height)))
