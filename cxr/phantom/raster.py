"""Smooth fields and filled shapes on the detector: antialiased polygons, distances in centimetres, noise."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import distance_transform_edt, gaussian_filter

from cxr.phantom.frame import Floats, Frame, Points

__all__ = ["distance_inside", "distance_to_paths", "fill", "resize", "smooth_noise"]

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
