"""Class maps of one image -> heatmaps over it, and boxes in its pixels, confined to lungs and heart."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr.imaging.preprocessing import Placement
from cxr.imaging.segmentation import Segmentation, Segmenter, outlined
from cxr.localization.anatomy import Anatomy, confine
from cxr.localization.boxes import Box, BoxSettings, boxes_from_heatmap, normalize_heatmap
from cxr.localization.windows import WindowSettings, boxes_from_windows, chest_of

__all__ = ["Heatmaps", "content", "heatmap_on_image"]


class Heatmaps(Mapping[str, NDArray[np.float32]]):
    """Finding -> (h, w) float32 in [0, 1], stretched over the whole image; each is computed when asked for, and once.

    Screening needs those of the positive findings only; a reader who disagrees may ask for any.

    Lungs and heart are outlined when the first box is asked for, on the network's square and not on the image: a
    heatmap is no finer, and outlines of a film of ten million pixels would take longer than all the rest of screening.

    Args:
        class_maps: (C, S, S) float32 in logit units.
        label_space: the C findings.
        square: (size, size) uint8, an upright frontal chest radiograph as :func:`~cxr.imaging.preprocessing.prepare`
            makes it.
        placement: where the image lies in it.
        outlines: (3, h, w) logits of both lungs and the heart over the square, where the network has drawn them
            already; the shipped segmentation draws them otherwise.
    """

    def __init__(
        self,
        class_maps: NDArray[np.float32],
        label_space: Sequence[str],
        square: NDArray[np.uint8],
        placement: Placement,
        outlines: NDArray[np.float32] | None = None,
    ) -> None:
        self._class_maps = dict(zip(label_space, class_maps, strict=True))
        self._square = square
        self._placement = placement
        self._outlines = outlines
        self._drawn: dict[str, NDArray[np.float32]] = {}

    def __getitem__(self, finding: str) -> NDArray[np.float32]:
        if finding not in self._drawn:
            self._drawn[finding] = heatmap_on_image(self._class_maps[finding], self._placement, len(self._square))
        return self._drawn[finding]

    def __iter__(self) -> Iterator[str]:
        return iter(self._class_maps)

    def __len__(self) -> int:
        return len(self._class_maps)

    def confined(self, finding: str) -> NDArray[np.float32]:
        """The heat that a finding's boxes rest on, (h, w) in [0, 1]: little is left where the finding cannot be."""
        return np.minimum(self[finding], confine(self[finding], finding, self.anatomy))

    def boxes(self, finding: str, settings: BoxSettings | WindowSettings, probability: float) -> tuple[Box, ...]:
        """Boxes of one finding in pixels of the image.

        Args:
            finding: its name, which says where in the chest it can be.
            settings: its box settings.
            probability: its calibrated probability; a box's score is this times its relative heat.
        """
        placement = self._placement
        left, top, _, _ = content(placement, len(self._square))
        found = []
        for box in self._on_grid(finding, settings):
            x, y, width, height = placement.box_to_input(box.x + left, box.y + top, box.width, box.height)
            x0, y0 = max(0.0, x), max(0.0, y)
            x1, y1 = min(float(placement.width), x + width), min(float(placement.height), y + height)
            score = round(box.score * probability, 4)
            found.append(Box(round(x0, 1), round(y0, 1), round(x1 - x0, 1), round(y1 - y0, 1), score))
        return tuple(found)

    def _on_grid(self, finding: str, settings: BoxSettings | WindowSettings) -> tuple[Box, ...]:
        """Boxes in pixels of the heatmap; windows need outlines of the lungs, without them regions are cut."""
        if isinstance(settings, WindowSettings):
            chest = chest_of(self.anatomy)
            if chest is not None:
                return boxes_from_windows(self[finding], chest, settings)
            settings = BoxSettings()
        return boxes_from_heatmap(confine(self[finding], finding, self.anatomy), settings)

    @cached_property
    def anatomy(self) -> Anatomy:
        """Outlines on the grid of the heatmaps."""
        left, top, right, bottom = content(self._placement, len(self._square))
        found = self._segmented()
        masks = (found.right_lung, found.left_lung, found.heart)
        return Anatomy(*(mask[top:bottom, left:right] for mask in masks))

    def _segmented(self) -> Segmentation:
        """Outlines on the network's square."""
        size = len(self._square)
        if self._outlines is not None:
            return outlined(self._outlines, Placement(1.0, 0.0, 0.0, size, size))
        return Segmenter.shipped().segment(self._square.astype(np.float32) / np.float32(255))


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


def content(placement: Placement, size: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the image in the network's square, in whole pixels."""
    x, y, width, height = placement.box_to_network(0, 0, placement.width, placement.height)
    left, top = min(max(0, round(x)), size - 1), min(max(0, round(y)), size - 1)
    return left, top, max(left + 1, min(size, round(x + width))), max(top + 1, min(size, round(y + height)))
