"""The heatmap of every finding, drawn when somebody asks for it."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cxr.imaging.preprocessing import Placement
from cxr.localization.evidence import heatmap_on_image

__all__ = ["Heatmaps"]


class Heatmaps(Mapping[str, NDArray[np.float32]]):
    """Finding -> (h, w) float32 in [0, 1], stretched over the whole image; each is computed once.

    Screening needs those of the positive findings only; a reader who disagrees may ask for any.

    Args:
        class_maps: (C, S, S) float32 in logit units.
        label_space: the C findings.
        placement: where the image lies in the network's square.
        size: side of the square in pixels.
    """

    def __init__(
        self, class_maps: NDArray[np.float32], label_space: Sequence[str], placement: Placement, size: int
    ) -> None:
        self._class_maps = dict(zip(label_space, class_maps, strict=True))
        self._placement = placement
        self._size = size
        self._drawn: dict[str, NDArray[np.float32]] = {}

    def __getitem__(self, finding: str) -> NDArray[np.float32]:
        if finding not in self._drawn:
            self._drawn[finding] = heatmap_on_image(self._class_maps[finding], self._placement, self._size)
        return self._drawn[finding]

    def __iter__(self) -> Iterator[str]:
        return iter(self._class_maps)

    def __len__(self) -> int:
        return len(self._class_maps)
