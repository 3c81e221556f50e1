"""The boxes of one radiograph's findings: heatmap, confined to the anatomy, thresholded."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr.imaging.preprocessing import Placement
from cxr.imaging.segmentation import Segmenter
from cxr.localization.anatomy import Anatomy, confine
from cxr.localization.boxes import Box, BoxSettings
from cxr.localization.evidence import content, locate

__all__ = ["Locator"]


class Locator:
    """Draws boxes on one image. Lungs and heart are outlined when the first box is asked for, and once.

    Args:
        pixels: (H, W) in [0, 1] of an upright frontal chest radiograph, air dark.
        pixel_aspect: height of a pixel over its width.
        placement: where the image lies in the network's square.
        size: side of the square in pixels.
    """

    def __init__(self, pixels: NDArray[np.float32], pixel_aspect: float, placement: Placement, size: int) -> None:
        self._pixels = pixels
        self._pixel_aspect = pixel_aspect
        self._placement = placement
        self._size = size

    @cached_property
    def anatomy(self) -> Anatomy:
        """Outlines on the grid of the image's heatmaps."""
        left, top, right, bottom = content(self._placement, self._size)
        found = Segmenter.shipped().segment(self._pixels, self._pixel_aspect)

        def resized(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
            small = Image.fromarray(mask.astype(np.uint8)).resize(
                (right - left, bottom - top), Image.Resampling.NEAREST
            )
            return np.asarray(small, dtype=np.bool_)

        return Anatomy(resized(found.right_lung), resized(found.left_lung), resized(found.heart))

    def boxes(
        self, finding: str, heatmap: NDArray[np.float32], settings: BoxSettings, probability: float
    ) -> tuple[Box, ...]:
        """Boxes of one finding in pixels of the image.

        Args:
            finding: its name, which says where in the chest it can be.
            heatmap: as :func:`cxr.localization.evidence.heatmap_on_image` gives it.
            settings: the finding's box settings.
            probability: its calibrated probability; a box's score is this times its relative heat.
        """
        return locate(confine(heatmap, finding, self.anatomy), self._placement, self._size, settings, probability)
