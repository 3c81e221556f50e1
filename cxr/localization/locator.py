"""The boxes of one radiograph's findings: heatmap, confined to the anatomy, thresholded."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cxr.imaging.preprocessing import Placement
from cxr.imaging.segmentation import Segmentation, Segmenter, outlined
from cxr.localization.anatomy import Anatomy, confine
from cxr.localization.boxes import Box, BoxSettings
from cxr.localization.evidence import content, locate

__all__ = ["Locator"]


class Locator:
    """Draws boxes on one image. Lungs and heart are outlined when the first box is asked for, and once.

    They are outlined on the network's square, not on the image: a heatmap is no finer, and outlines of a film of ten
    million pixels would take longer than all the rest of screening it.

    Args:
        square: (size, size) uint8, an upright frontal chest radiograph as :func:`~cxr.imaging.preprocessing.prepare`
            makes it.
        placement: where the image lies in it.
        outlines: (1, 3, h, w) logits of both lungs and the heart over the square, where the network has drawn them
            already; the shipped segmentation draws them otherwise.
    """

    def __init__(
        self, square: NDArray[np.uint8], placement: Placement, outlines: NDArray[np.float32] | None = None
    ) -> None:
        self._square = square
        self._placement = placement
        self._outlines = outlines

    @cached_property
    def anatomy(self) -> Anatomy:
        """Outlines on the grid of the image's heatmaps."""
        left, top, right, bottom = content(self._placement, len(self._square))
        found = self._segmented()
        masks = (found.right_lung, found.left_lung, found.heart)
        return Anatomy(*(mask[top:bottom, left:right] for mask in masks))

    def _segmented(self) -> Segmentation:
        """Outlines on the network's square."""
        size = len(self._square)
        if self._outlines is not None:
            return outlined(self._outlines[0], Placement(1.0, 0.0, 0.0, size, size))
        return Segmenter.shipped().segment(self._square.astype(np.float32) / np.float32(255))

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
        confined = confine(heatmap, finding, self.anatomy)
        return locate(confined, self._placement, len(self._square), settings, probability)
