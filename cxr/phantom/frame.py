"""The detector plane: where body centimetres fall on image pixels.

Everything anatomical is placed in centimetres (x to the image's right, y down, origin at the centre of the
thorax); only this module knows about pixels, so that the same patient can be imaged at any size.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "Frame", "Points"]

Floats = NDArray[np.float32]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Frame:
    """A square detector of ``size`` pixels that sees ``field_cm`` centimetres, rotated and shifted.

    Attributes:
        size: pixels per side.
        field_cm: centimetres per side.
        rotation: in-plane rotation of the body in radians, clockwise on the image.
        shift: x, y of the thorax centre relative to the image centre, in centimetres.
    """

    size: int
    field_cm: float
    rotation: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)

    @property
    def pixel_cm(self) -> float:
        """Side of a pixel in centimetres."""
        return self.field_cm / self.size

    @cached_property
    def grid(self) -> tuple[Floats, Floats]:
        """Body coordinates x, y in centimetres of every pixel centre, each (size, size)."""
        axis = (np.arange(self.size, dtype=np.float32) + 0.5) * self.pixel_cm - self.field_cm / 2
        column, row = (
            (axis[None, :] - self.shift[0]).astype(np.float32),
            (axis[:, None] - self.shift[1]).astype(np.float32),
        )
        cos, sin = np.float32(np.cos(self.rotation)), np.float32(np.sin(self.rotation))
        return cos * column + sin * row, cos * row - sin * column

    def to_pixels(self, points: Points) -> Points:
        """Pixel coordinates (N, 2), pixel centres at half-integers, of body points (N, 2)."""
        cos, sin = np.cos(self.rotation), np.sin(self.rotation)
        x = cos * points[:, 0] - sin * points[:, 1] + self.shift[0]
        y = sin * points[:, 0] + cos * points[:, 1] + self.shift[1]
        return (np.column_stack([x, y]) + self.field_cm / 2) / self.pixel_cm

    def coarser(self, factor: int) -> "Frame":
        """The same view on ``factor`` times fewer pixels, for smooth maps."""
        return Frame(max(self.size // factor, 32), self.field_cm, self.rotation, self.shift)
