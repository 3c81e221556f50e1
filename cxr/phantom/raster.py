"""Shapes to maps: antialiased polygons, distances in centimetres, and tubes as line integrals."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import distance_transform_edt, gaussian_filter

from cxr.phantom.frame import Floats, Frame, Points

__all__ = ["distance_inside", "distance_to_paths", "fill", "hollow_tube", "resize", "smooth_noise", "tubes"]

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
    """Distance in centimetres of every pixel from the nearest of several polylines."""
    canvas = Image.new("1", (frame.size * 2,) * 2, 1)
    draw = ImageDraw.Draw(canvas)
    for path in paths:
        draw.line((frame.to_pixels(path) * 2).ravel().tolist(), fill=0)
    distance = distance_transform_edt(np.asarray(canvas))
    return resize(distance.astype(np.float32) * (frame.pixel_cm / 2), frame.size)


def hollow_tube(distance: Floats, radius: float | Floats, wall: float) -> Floats:
    """Wall thickness in centimetres seen through a tube, at a distance from its axis: 2(sqrt(R2-d2)-sqrt(r2-d2))."""
    outer = np.sqrt(np.maximum(radius**2 - distance**2, 0.0))
    inner = np.sqrt(np.maximum((radius - wall) ** 2 - distance**2, 0.0))
    return np.asarray(2.0 * (outer - inner), dtype=np.float32)


def tubes(frame: Frame, points: Points, radius: NDArray[np.float64], step: NDArray[np.float64]) -> Floats:
    """Thickness in centimetres of many solid tubes, added along the ray.

    Each sample stands for a piece of tube of volume pi r^2 step; it is spread over the detector by a Gaussian of
    the tube's radius, which keeps sub-pixel vessels faint instead of dropping them.

    Args:
        frame: the detector.
        points: (N, 2) samples along the axes, in centimetres.
        radius: (N,) in centimetres.
        step: (N,) length of axis that a sample stands for, in centimetres.
    """
    total = np.zeros((frame.size, frame.size), dtype=np.float32)
    if len(points) == 0:
        return total
    pixel = frame.to_pixels(points) - 0.5
    base = np.floor(pixel).astype(np.intp)
    part = pixel - base
    volume = np.pi * radius**2 * step / frame.pixel_cm**2
    edges = np.array([0.0, 0.06, 0.1, 0.16, 0.25, 0.4, np.inf])
    for low, high in pairwise(edges):
        chosen = (radius >= low) & (radius < high)
        if not chosen.any():
            continue
        layer = np.zeros((frame.size, frame.size))
        for dx in (0, 1):
            for dy in (0, 1):
                x, y = base[chosen, 0] + dx, base[chosen, 1] + dy
                weight = np.abs(1 - dx - part[chosen, 0]) * np.abs(1 - dy - part[chosen, 1]) * volume[chosen]
                seen = (x >= 0) & (y >= 0) & (x < frame.size) & (y < frame.size)
                flat = np.bincount(y[seen] * frame.size + x[seen], weight[seen], frame.size**2)
                layer += flat.reshape(layer.shape)
        sigma = 0.55 * float(radius[chosen].mean()) / frame.pixel_cm
        total += gaussian_filter(layer.astype(np.float32), max(sigma, 0.35))
    return total


def smooth_noise(rng: np.random.Generator, size: int, cells: float) -> Floats:
    """Gaussian noise (size, size) of unit variance whose blobs number about ``cells`` per side."""
    coarse = int(min(size, max(4, round(cells * 2))))
    field = gaussian_filter(rng.standard_normal((coarse, coarse)).astype(np.float32), 0.8, mode="wrap")
    image = Image.fromarray(field / max(float(field.std()), 1e-6))
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float32)
