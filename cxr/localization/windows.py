"""Class heatmap -> boxes of a finding's usual extent, laid where its heat and its usual place agree best.

A coarse map tells roughly where the evidence is, and hardly how far it reaches: the region above a threshold is as
wide as the network's cells and its own doubt. What is known of a finding says the rest: a nodule is small, an effusion
lies at the base. So a window of the usual extent slides over the film, and counts for its mean heat times how usual its
place is, in coordinates of the patient's own chest.
"""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from cxr.localization.anatomy import Anatomy
from cxr.localization.boxes import Box, BoxSettings
from cxr.localization.overlap import iou

__all__ = ["LEVELS", "OFFSETS", "WindowSettings", "boxes_from_windows", "chest_of", "default_box_settings"]

OFFSETS = (0.0, 0.6)
"""Distance of a window's centre from the middle of the chest, in its widths: ends of the location's columns."""
LEVELS = (-0.1, 1.4)
"""Height of its centre, in heights of the lungs from their top: ends of the location's rows. Fluid hides lung below."""

_STEPS = 75  # along the longer side of the map
_OVERLAP = 0.15  # IoU up to which two windows are two places
_Chest = tuple[int, int, int, int]


class WindowSettings(BaseModel):
    """How one finding's heatmap becomes boxes; stored in the bundle.

    Attributes:
        width: of its boxes, in widths of the chest: of both outlined lungs together.
        height: in heights of the chest.
        location: how usual a place is, in hundredths of the most usual one; rows from the top over :data:`LEVELS`,
            columns from the midline outwards over :data:`OFFSETS`, the same on both sides: ``"2 40 100"``.
        share: the next best window counts where it reaches this share of the best one.
        max_boxes: keep at most this many.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: float = Field(gt=0, le=1)
    height: float = Field(gt=0, le=1.5)
    location: tuple[str, ...]
    share: float = Field(default=0.6, gt=0, le=1)
    max_boxes: int = Field(default=2, ge=1)

    @model_validator(mode="after")
    def _location_is_a_grid(self) -> Self:
        if len({len(row) for row in self._rows()}) != 1 or not self._rows()[0]:
            raise ValueError("location is a grid: rows of equal length")
        if not all(cell.isdecimal() and 1 <= int(cell) <= 100 for row in self._rows() for cell in row):
            raise ValueError("a cell of location is a whole number from 1 to 100")
        return self

    def _rows(self) -> list[list[str]]:
        return [row.split() for row in self.location]

    def grid(self) -> NDArray[np.float64]:
        """(rows, columns) of the location, in (0, 1]."""
        return np.array(self._rows(), dtype=np.float64) / 100


@cache
def _usual() -> dict[str, WindowSettings]:
    text = files("cxr.localization").joinpath("windows.json").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, WindowSettings]).validate_json(text)


def default_box_settings(label_space: Iterable[str]) -> dict[str, WindowSettings | BoxSettings]:
    """Windows for the findings of which ``windows.json`` knows extent and place; the published rule for the others."""
    return {label: _usual().get(label, BoxSettings()) for label in label_space}


def chest_of(anatomy: Anatomy) -> _Chest | None:
    """Left, top, right, bottom of both lungs together; ``None`` where one of them was not found."""
    if not (anatomy.right_lung.any() and anatomy.left_lung.any()):
        return None
    lungs = anatomy.right_lung | anatomy.left_lung
    columns, rows = np.flatnonzero(lungs.any(axis=0)), np.flatnonzero(lungs.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def boxes_from_windows(heat: NDArray[np.float32], chest: _Chest, settings: WindowSettings) -> tuple[Box, ...]:
    """The best windows, the best one first.

    Args:
        heat: (h, w) heatmap in [0, 1].
        chest: left, top, right, bottom of the lungs in the same pixels.
        settings: extent and place of the finding.

    Returns:
        Boxes in heatmap pixels, none where there is no heat; the score is the mean heat inside, in [0, 1].
    """
    left, top, right, bottom = chest
    rows, columns = heat.shape
    width = min(columns, max(1, round(settings.width * (right - left))))
    height = min(rows, max(1, round(settings.height * (bottom - top))))
    step = max(1, max(heat.shape) // _STEPS)
    xs, ys = np.arange(0, columns - width + 1, step), np.arange(0, rows - height + 1, step)
    means = _window_means(heat, xs, ys, width, height)
    offsets = np.abs((xs + width / 2 - left) / (right - left) - 0.5)
    levels = (ys + height / 2 - top) / (bottom - top)
    location = settings.grid()
    down, across = _between(levels, LEVELS, len(location)), _between(offsets, OFFSETS, location.shape[1])
    worth = means * (down @ location @ across.T)
    if not worth.max() > 0:
        return ()
    corners = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    windows = np.hstack([corners, np.broadcast_to([width, height], corners.shape)]).astype(np.float64)
    left_over, limit = worth.ravel().copy(), settings.share * worth.max()
    found: list[Box] = []
    while len(found) < settings.max_boxes and left_over.max() >= limit:
        best = int(left_over.argmax())
        x, y = corners[best]
        found.append(Box(float(x), float(y), float(width), float(height), float(means.flat[best])))
        left_over[iou(windows, windows[best])[:, 0] >= _OVERLAP] = 0
    return tuple(found)


def _window_means(
    heat: NDArray[np.float32], xs: NDArray[np.int64], ys: NDArray[np.int64], width: int, height: int
) -> NDArray[np.float64]:
    """(len(ys), len(xs)) mean heat of the windows with these corners, from sums over everything above and left."""
    sums = np.pad(heat.astype(np.float64), ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    low, high = sums[ys], sums[ys + height]
    inside = high[:, xs + width] - high[:, xs] - low[:, xs + width] + low[:, xs]
    return np.maximum(inside, 0) / (width * height)


def _between(values: NDArray[np.float64], ends: tuple[float, float], count: int) -> NDArray[np.float64]:
    """(len(values), count) weights of linear interpolation between cells that run from one end to the other."""
    place = np.clip((values - ends[0]) / (ends[1] - ends[0]) * (count - 1), 0, count - 1)
    return np.clip(1 - np.abs(place[:, None] - np.arange(count)), 0, 1)
