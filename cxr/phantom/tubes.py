"""Tubes as exact line integrals: an axis convolved with a disc.

The path length of a ray through a straight tube of radius R, at distance d from its axis, is 2 sqrt(R^2 - d^2). The
same profile comes out when the axis, as a line of unit density, is convolved with the indicator of a disc of radius
R; a hollow tube is the difference of two. The convolution is done in the Fourier domain with the disc's transform
R J1(2 pi R f) / f, so that sub-pixel vessels keep their mass, and hundreds of tubes cost no more than one.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.special import j1

from cxr.phantom.frame import Floats, Frame, Points

__all__ = ["Strands", "along", "draw_tubes", "strands_by_radius"]

BLUR_PIXELS = 0.45  # detector and focal spot
STEP = 0.1  # cm between samples of an axis
_TABLE = np.linspace(0.0, 60.0, 6001)
_JINC = np.concatenate([[0.5], j1(2 * np.pi * _TABLE[1:]) / (2 * np.pi * _TABLE[1:])]) * 2 * np.pi


@dataclass(frozen=True)
class Strands:
    """Pieces of axis that share a cross-section.

    Attributes:
        points: (N, 2) samples in body centimetres.
        length: (N,) centimetres of axis that each sample stands for, times the density of the material.
        radius: outer, in centimetres.
        wall: thickness of a hollow tube's wall; 0 for a solid one.
        core: density of a hollow tube's filling, relative to its wall.
    """

    points: Points
    length: NDArray[np.float64]
    radius: float
    wall: float = 0.0
    core: float = 0.0


def along(paths: list[Points], radius: float, wall: float = 0.0, density: float = 1.0, core: float = 0.0) -> Strands:
    """Strands along polylines of two or three coordinates; only x and y are drawn, all count for the length."""
    points, lengths = [], []
    for path in paths:
        at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
        count = max(int(at[-1] / STEP), 2)
        middle = (np.arange(count) + 0.5) * at[-1] / count
        points.append(np.column_stack([np.interp(middle, at, path[:, axis]) for axis in (0, 1)]))
        lengths.append(np.full(count, at[-1] / count * density))
    return Strands(np.vstack(points), np.concatenate(lengths), radius, wall, core)


def strands_by_radius(points: Points, length: NDArray[np.float64], radius: NDArray[np.float64]) -> list[Strands]:
    """Samples of many calibres sorted into a few; the volume of each sample is kept."""
    strands = []
    for low, high in pairwise((0.0, 0.07, 0.12, 0.2, 0.32, np.inf)):
        chosen = (radius >= low) & (radius < high)
        if chosen.any():
            typical = float(np.sqrt(np.mean(radius[chosen] ** 2)))
            strands.append(Strands(points[chosen], length[chosen] * (radius[chosen] / typical) ** 2, typical))
    return strands


def draw_tubes(frame: Frame, strands: list[Strands]) -> Floats:
    """Path length (size, size) in centimetres through all tubes, overlaps added."""
    margin = max(int(1.5 / frame.pixel_cm), 4)
    side = int(fft.next_fast_len(frame.size + 2 * margin, real=True))
    fy, fx = fft.fftfreq(side).astype(np.float32), fft.rfftfreq(side).astype(np.float32)
    frequency = np.sqrt(fy[:, None] ** 2 + fx[None, :] ** 2)  # cycles per pixel
    spectrum = np.zeros((side, side // 2 + 1), dtype=np.complex64)
    for strand in strands:
        axis = fft.rfft2(_splat(frame, strand, margin, side))
        outer, inner = strand.radius / frame.pixel_cm, (strand.radius - strand.wall) / frame.pixel_cm
        kernel = _disc(outer, frequency)
        if strand.wall > 0:
            kernel = kernel - (1.0 - strand.core) * _disc(inner, frequency)
        spectrum += axis * kernel
    spectrum *= np.exp(-2 * (np.pi * BLUR_PIXELS * frequency) ** 2)
    drawn = fft.irfft2(spectrum, s=(side, side)) * frame.pixel_cm
    return np.maximum(drawn[margin : margin + frame.size, margin : margin + frame.size], 0.0).astype(np.float32)


def _disc(radius: float, frequency: Floats) -> Floats:
    """Fourier transform of a disc of ``radius`` pixels: R J1(2 pi R f) / f."""
    return (radius**2 * np.interp(radius * frequency, _TABLE, _JINC)).astype(np.float32)


def _splat(frame: Frame, strand: Strands, margin: int, side: int) -> Floats:
    """Axis density per pixel, each sample shared bilinearly by four pixels."""
    pixel = frame.to_pixels(strand.points) - 0.5 + margin
    base = np.floor(pixel).astype(np.intp)
    seen = ((base >= 0) & (base < side - 1)).all(axis=1)
    base, part = base[seen], (pixel - np.floor(pixel))[seen]
    weight = strand.length[seen] / frame.pixel_cm
    corner = base[:, 1] * side + base[:, 0]
    right, below = part[:, 0], part[:, 1]
    flat = np.concatenate([corner, corner + 1, corner + side, corner + side + 1])
    share = np.concatenate([(1 - right) * (1 - below), right * (1 - below), (1 - right) * below, right * below])
    return np.bincount(flat, np.tile(weight, 4) * share, side * side).reshape(side, side).astype(np.float32)
