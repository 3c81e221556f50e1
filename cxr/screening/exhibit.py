"""What a person is shown beside a result: the pixels and the heatmaps behind its boxes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr.screening.generator import GeneratedReport
from cxr.screening.result import ScreeningResult

__all__ = ["Examination", "Exhibit"]


@dataclass(frozen=True)
class Exhibit:
    """Pictures of one screened input. Never stored with the result: pixels stay where they were.

    Attributes:
        pixels: (H, W) float32 in [0, 1], air dark and bone bright, as read.
        heatmaps: finding -> (h, w) float32 in [0, 1], stretched over the whole image.
        embedding: (D,) float32, by which similar images are found.
        generated: the raw generated report with where the decoder looked for each word; ``None`` where the bundle
            has no generator.
    """

    pixels: NDArray[np.float32]
    heatmaps: Mapping[str, NDArray[np.float32]]
    embedding: NDArray[np.float32]
    generated: GeneratedReport | None = None


@dataclass(frozen=True)
class Examination:
    """One input's result, and what there is to see; ``exhibit`` is ``None`` when it was refused."""

    result: ScreeningResult
    exhibit: Exhibit | None
