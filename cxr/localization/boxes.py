"""Class heatmap -> boxes: normalise, threshold, one box per connected region (Wang 2017, section 4.3)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from cxr.imaging.runs import Runs

__all__ = ["Box", "BoxSettings", "Region", "boxes_from_heatmap", "connected_regions", "normalize_heatmap"]


class BoxSettings(BaseModel):
    """How one finding's heatmap becomes boxes; fitted on training patients and stored in the bundle.

    Attributes:
        threshold: cut on the heatmap after min-max normalisation, in (0, 1). The paper cuts the
            [0, 255] map at 60 and at 180, i.e. 0.235 and 0.706.
        min_area: smallest region kept, as a fraction of the heatmap's area.
        max_boxes: keep at most this many regions, hottest first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float = Field(default=180 / 255, gt=0, lt=1)
    min_area: float = Field(default=0.002, ge=0, lt=1)
    max_boxes: int = Field(default=3, ge=1)


@dataclass(frozen=True)
class Box:
    """An axis-aligned box; ``x`` and ``y`` are its top left corner, all in pixels of the map it came from.

    Attributes:
        score: peak of the normalised heatmap inside the box's region, in [0, 1].
    """

    x: float
    y: float
    width: float
    height: float
    score: float


def normalize_heatmap(heat: NDArray[np.floating]) -> NDArray[np.float32]:
    """Min-max normalisation to [0, 1]; a constant map becomes all zeros rather than NaN.

    Args:
        heat: (h, w), any finite range.

    Returns:
        (h, w) float32 in [0, 1].
    """
    low, high = float(heat.min()), float(heat.max())
    if not high > low:
        return np.zeros(heat.shape, dtype=np.float32)
    return ((heat - low) / (high - low)).astype(np.float32)


def boxes_from_heatmap(heat: NDArray[np.floating], settings: BoxSettings) -> tuple[Box, ...]:
    """One box per connected region of the thresholded heatmap, hottest region first.

    Args:
        heat: (h, w) class heatmap in any unit.
        settings: threshold and region limits of the finding.

    Returns:
        At most ``settings.max_boxes`` boxes in heatmap pixels; none for a constant map.

    Raises:
        ValueError: if ``heat`` is not a non-empty two-dimensional map of finite numbers.
    """
    if heat.ndim != 2 or heat.size == 0 or not np.isfinite(heat).all():
        raise ValueError(f"a heatmap is a finite (h, w) array, not shape {heat.shape} with NaN or infinity")
    unit = normalize_heatmap(heat)
    if not unit.any():
        return ()
    found = [
        Box(float(region.x), float(region.y), float(region.width), float(region.height), region.peak)
        for region in connected_regions(unit, settings.threshold)
        if region.area >= settings.min_area * unit.size
    ]
    found.sort(key=lambda box: (-box.score, -box.width * box.height, box.y, box.x))
    return tuple(found[: settings.max_boxes])


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
