"""The detector plane: where body centimetres fall on image pixels, and smooth fields and filled shapes on them.

Everything anatomical is placed in centimetres (x to the image's right, y down, origin at the centre of the
thorax); only this module knows about pixels, so that the same patient can be imaged at any size.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import distance_transform_edt, gaussian_filter

__all__ = ["Floats", "Frame", "Points", "distance_inside", "distance_to_paths", "fill", "resize", "smooth_noise"]

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


SUPERSAMPLE = 3


def fill(frame: Frame, *polygons: Points) -> Floats:
    """Coverage in [0, 1] of the union of polygons given in body centimetres."""
    canvas = Image.new("L", (frame.size * SUPERSAMPLE,) * 2)
    draw = ImageDraw.Draw(canvas)
    for polygon in polygons:
        draw.polygon((frame.to_pixels(polygon) * SUPERSAMPLE).ravel().tolist(), fill=255)
    return np.asarray(canvas.reduce(SUPERSAMPLE), dtype=np.float32) / 255.0


def resize(field: NDArray[np.floating], size: int) -> Floats:
    """A smooth map on another grid, bilinearly."""
    if field.shape == (size, size):
        return np.asarray(field, dtype=np.float32)
    image = Image.fromarray(np.asarray(field, dtype=np.float32))
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR), dtype=np.float32)


def distance_inside(frame: Frame, polygon: Points) -> tuple[Floats, Floats]:
    """Depth below the border inside a polygon, and distance from it outside, in centimetres (half resolution)."""
    coarse = frame.coarser(2)
    mask = fill(coarse, polygon) > 0.5
    inside = distance_transform_edt(mask) if mask.any() else np.zeros(mask.shape)
    outside = distance_transform_edt(~mask)
    return resize(inside * coarse.pixel_cm, frame.size), resize(outside * coarse.pixel_cm, frame.size)


def distance_to_paths(frame: Frame, paths: list[Points]) -> Floats:
    """Distance in centimetres of every pixel from the nearest of several polylines, to about half a pixel."""
    canvas = Image.new("1", (frame.size, frame.size), 1)
    draw = ImageDraw.Draw(canvas)
    for path in paths:
        draw.line((frame.to_pixels(path) - 0.5).ravel().tolist(), fill=0)
    distance = distance_transform_edt(np.asarray(canvas))
    return gaussian_filter(distance.astype(np.float32) * frame.pixel_cm, 0.7)


def smooth_noise(rng: np.random.Generator, size: int, cells: float) -> Floats:
    """Gaussian noise (size, size) of unit variance whose blobs number about ``cells`` per side."""
    coarse = int(min(size, max(4, round(cells * 2))))
    field = gaussian_filter(rng.standard_normal((coarse, coarse)).astype(np.float32), 0.8, mode="wrap")
    image = Image.fromarray(field / max(float(field.std()), 1e-6))
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float32)
