"""Connected regions of a heatmap above a threshold."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr.imaging.runs import Runs

__all__ = ["Region", "connected_regions"]


@dataclass(frozen=True)
class Region:
    """Pixels that touch, diagonally too.

    Attributes:
        x: first column.
        y: first row.
        width: columns of the bounding box.
        height: rows of the bounding box.
        area: number of pixels.
        peak: largest value.
    """

    x: int
    y: int
    width: int
    height: int
    area: int
    peak: float


def connected_regions(heat: NDArray[np.float32], threshold: float) -> list[Region]:
    """The regions in which ``heat`` reaches ``threshold``, in the order of their first pixel, row by row.

    Args:
        heat: (h, w), finite.
        threshold: in the unit of ``heat``.
    """
    mask = heat >= threshold
    if not mask.any():
        return []
    runs = Runs.of(mask, diagonal=True)
    peaks = np.maximum.reduceat(heat[mask], np.cumsum(runs.lengths) - runs.lengths)
    found = []
    for root in np.flatnonzero(np.bincount(runs.roots)):
        of = runs.roots == root
        x, y = int(runs.starts[of].min()), int(runs.rows[of].min())
        width, height = int(runs.stops[of].max()) - x, int(runs.rows[of].max()) + 1 - y
        found.append(Region(x, y, width, height, int(runs.lengths[of].sum()), float(peaks[of].max())))
    return found
