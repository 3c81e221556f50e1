"""A chest seen from the side, drawn for the gate to learn from: no label goes with it.

Path lengths of soft tissue, air and bone across the body, summed along the ray as in :mod:`cxr.phantom.render`, but of
its own anatomy: sternum in front, vertebrae behind, two domes of the diaphragm at different heights, the heart on the
front one, the dark space behind the sternum above it.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["lateral_film"]

Gray = NDArray[np.float32]
Plane = NDArray[np.floating]
SIDE = 224


def lateral_film(rng: np.random.Generator) -> Gray:
    """One lateral film, of a patient who faces either side.

    Returns:
        (H, W) float32 in [0, 1], air dark; higher than wide, up to 224 pixels.
    """
    y, x = (plane / SIDE for plane in np.mgrid[0:SIDE, 0:SIDE].astype(np.float64))
    front, back = _outline(y, rng)
    depth = np.clip((x - front) / (back - front), 0, 1)  # 0 at the breastbone, 1 at the skin of the back
    tissue = np.sqrt(np.clip(1 - (2 * depth - 1) ** 2, 0, 1)) ** rng.uniform(0.5, 0.9)
    lungs, below = _lungs(y, depth, tissue, rng)
    heart = _ellipsoid(x, y, _at(front, back, rng.uniform(0.6, 0.7), rng.uniform(0.2, 0.4)), (0.2, 0.14), rng)
    lungs = np.clip(lungs - rng.uniform(0.5, 0.95) * heart, 0, None)
    lungs *= 1 + rng.uniform(0.02, 0.2) * _vessels(rng) - _opacity(x, y, rng)
    attenuation = tissue - rng.uniform(0.75, 0.95) * lungs + _soft(x, y, depth, below, rng)
    attenuation += _spine(y, depth, rng) + _breastbone(y, depth, rng) + _ribs(y, depth, rng) + _arms(x, y, rng)
    attenuation *= np.clip(1 + 0.05 * _noise(rng, 12), 0.5, 1.5)
    return _exposed(_framed(attenuation, front, back, rng), rng)


def _outline(y: Plane, rng: np.random.Generator) -> tuple[Plane, Plane]:
    """Columns of the front and the back of the trunk at every height."""
    middle, half = rng.uniform(0.46, 0.54), rng.uniform(0.27, 0.38)
    bulge = rng.uniform(0.02, 0.1)
    neck = rng.uniform(0.05, 0.16) * np.exp(-y / 0.12)
    front = middle - half + neck + 0.12 * np.exp(-y / 0.25) - bulge * np.sin(np.pi * np.clip(y, 0, 1))
    if rng.random() < 0.4:  # a breast, or a belly
        front = front - rng.uniform(0.02, 0.08) * np.exp(-(((y - rng.uniform(0.5, 0.95)) / 0.14) ** 2))
    back = middle + half - neck / 2 + rng.uniform(0, 0.07) * np.sin(np.pi * np.clip(y + rng.uniform(-0.1, 0.2), 0, 1))
    return front, back


def _lungs(y: Plane, depth: Plane, tissue: Plane, rng: np.random.Generator) -> tuple[Plane, Plane]:
    """Air on the ray, and the share of the lungs' width that lies below the domes of the diaphragm."""
    wall, spine = rng.uniform(0.05, 0.13), rng.uniform(0.86, 0.94)
    apex = rng.uniform(0.05, 0.16)
    inside = _step(depth - wall, 0.02) * _step(spine - depth, 0.03) * _roof(y - apex, depth, rng)
    base, slope = rng.uniform(0.68, 0.84), rng.uniform(0.05, 0.2)
    below = np.zeros_like(y)
    for _ in range(2):
        top = base + rng.uniform(-0.05, 0.05)
        dome = top + 4 * slope * (np.clip(depth - 0.4, 0, None) ** 2 + np.clip(0.35 - depth, 0, None) ** 2)
        below += 0.5 * _step(y - dome, rng.uniform(0.006, 0.02))
    return tissue * inside * (1 - below), below


def _roof(y: Plane, depth: Plane, rng: np.random.Generator) -> Plane:
    """1 below the arch that the apices reach up to; it falls towards the breastbone."""
    top = rng.uniform(0.5, 0.72)
    return _step(y - rng.uniform(0.3, 1.1) * (top - depth) ** 2 - 0.6 * np.clip(top - depth, 0, None) ** 3, 0.05)


def _soft(x: Plane, y: Plane, depth: Plane, below: Plane, rng: np.random.Generator) -> Plane:
    """Mediastinum, windpipe, liver, the bubble of the stomach, and shoulders over the apices."""
    hila = np.exp(-(((depth - rng.uniform(0.45, 0.58)) / 0.09) ** 2) - ((y - rng.uniform(0.38, 0.48)) / 0.09) ** 2)
    axis = rng.uniform(0.42, 0.5) + 0.25 * (y - 0.1)
    pipe = np.exp(-(((depth - axis) / 0.03) ** 2)) * _step(0.4 - y, 0.03)
    arch = np.abs(np.hypot((depth - 0.6) / 0.2, (y - 0.4) / 0.16) - 1)
    aorta = np.exp(-((arch / 0.25) ** 2)) * (y < 0.45)
    shoulders = np.exp(-y / rng.uniform(0.08, 0.25)) * rng.uniform(0.2, 0.8)
    soft = rng.uniform(0.1, 0.3) * hila - rng.uniform(0.05, 0.2) * pipe + rng.uniform(0, 0.15) * aorta
    soft = soft + (0.1 + rng.uniform(0, 0.25)) * below + shoulders * (depth > 0) * (depth < 1)
    if rng.random() < 0.5:
        soft -= 0.25 * np.exp(-(((x - 0.45) / 0.07) ** 2) - ((y - rng.uniform(0.82, 0.92)) / 0.05) ** 2)
    return soft


def _spine(y: Plane, depth: Plane, rng: np.random.Generator) -> Plane:
    """A column of vertebral bodies with dark discs between them, and the arches behind it."""
    axis = rng.uniform(0.8, 0.88) + rng.uniform(0.02, 0.08) * np.sin(np.pi * np.clip(y, 0, 1))
    width, height = rng.uniform(0.045, 0.07), rng.uniform(0.055, 0.075)
    column = _step(width - np.abs(depth - axis), 0.012)
    discs = _step(np.abs((y / height) % 1 - 0.5) - rng.uniform(0.34, 0.42), 0.03)
    arches = np.exp(-(((depth - axis - 1.8 * width) / width) ** 2)) * (0.6 + 0.4 * np.sin(2 * np.pi * y / height))
    bone = column * (1 - rng.uniform(0.3, 0.8) * discs) + 0.5 * arches
    return rng.uniform(0.06, 0.3) * bone * _step(y + 0.02, 0.02)


def _breastbone(y: Plane, depth: Plane, rng: np.random.Generator) -> Plane:
    axis = rng.uniform(0.03, 0.09) + rng.uniform(-0.03, 0.05) * (y - 0.4)
    span = _step(y - rng.uniform(0.14, 0.24), 0.02) * _step(rng.uniform(0.58, 0.72) - y, 0.02)
    return rng.uniform(0.1, 0.35) * np.exp(-(((depth - axis) / rng.uniform(0.015, 0.03)) ** 2)) * span


def _ribs(y: Plane, depth: Plane, rng: np.random.Generator) -> Plane:
    """Ribs of both sides: they leave the spine, run down and forward."""
    ribs = np.zeros_like(y)
    for _ in range(2):
        step, fall = rng.uniform(0.07, 0.095), rng.uniform(0.25, 0.5)
        phase = (y - fall * np.sin(np.pi / 2 * (1 - depth)) + rng.uniform(0, step)) / step
        ribs += np.exp(-((((phase % 1) - 0.5) / rng.uniform(0.1, 0.2)) ** 2))
    return rng.uniform(0.01, 0.06) * ribs * (depth > 0.03) * (depth < 0.97) * (y < 0.85)


def _arms(x: Plane, y: Plane, rng: np.random.Generator) -> Plane:
    """Upper arms held up and forward, each a bone in soft tissue, over the top of the film."""
    arms = np.zeros_like(y)
    if rng.random() < 0.25:
        return arms
    for _ in range(2):
        root, angle = np.array([rng.uniform(0.4, 0.6), rng.uniform(0.08, 0.2)]), rng.uniform(-1.2, 0.6)
        along = (x - root[0]) * np.sin(angle) - (y - root[1]) * np.cos(angle)
        across = np.abs((x - root[0]) * np.cos(angle) + (y - root[1]) * np.sin(angle))
        reach = _step(along, 0.02)
        arms += reach * (0.35 * _step(0.09 - across, 0.02) + 0.2 * _step(0.025 - across, 0.008))
    return arms * rng.uniform(0.4, 1.2)


def _opacity(x: Plane, y: Plane, rng: np.random.Generator) -> Plane:
    """Now and then fluid behind, or a dense patch: laterals of the ill."""
    patch = np.zeros_like(y)
    if rng.random() < 0.35:
        centre, size = rng.uniform((0.3, 0.25), (0.75, 0.8)), rng.uniform(0.04, 0.16, 2)
        patch = rng.uniform(0.2, 0.8) * np.exp(-(((x - centre[0]) / size[0]) ** 2) - ((y - centre[1]) / size[1]) ** 2)
    return patch


def _vessels(rng: np.random.Generator) -> Plane:
    """Branching texture: ridges of smooth noise, finer ones on top."""
    ridges = -np.abs(_noise(rng, 7)) - 0.6 * np.abs(_noise(rng, 3.5))
    return ridges + 0.8


def _noise(rng: np.random.Generator, coarseness: float) -> Plane:
    noise = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE)), coarseness)
    return noise / (noise.std() + 1e-9)


def _at(front: Plane, back: Plane, height: float, part: float) -> tuple[float, float]:
    """Column and row of a point, ``part`` of the way from front to back."""
    row = int(height * SIDE)
    return float(front[row, 0] + part * (back[row, 0] - front[row, 0])), height


def _ellipsoid(
    x: Plane, y: Plane, centre: tuple[float, float], radii: tuple[float, float], rng: np.random.Generator
) -> Plane:
    angle, size = rng.uniform(-0.6, 0.2), rng.uniform(0.8, 1.25)
    u = (x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)
    v = (y - centre[1]) * np.cos(angle) - (x - centre[0]) * np.sin(angle)
    return np.sqrt(np.clip(1 - (u / (size * radii[0])) ** 2 - (v / (size * radii[1])) ** 2, 0, 1))


def _step(value: Plane, softness: float) -> Plane:
    """0 below zero, 1 above, with an edge as soft as said."""
    return 1 / (1 + np.exp(-np.clip(value / softness, -30, 30) * 4))


def _framed(attenuation: Plane, front: Plane, back: Plane, rng: np.random.Generator) -> Plane:
    """The cassette's part of the picture: as wide as the trunk, or wider, and sometimes not to its edge."""
    left = max(0, int(SIDE * (front.min() - rng.uniform(-0.05, 0.12))))
    right = min(SIDE, int(SIDE * (back.max() + rng.uniform(-0.05, 0.12))))
    top, bottom = int(SIDE * rng.uniform(0, 0.08)), int(SIDE * rng.uniform(0.9, 1))
    return attenuation[top:bottom, left:right]


def _exposed(attenuation: Plane, rng: np.random.Generator) -> Gray:
    """Film grays: a window on the attenuation, a gamma, blur and noise; the patient faces either side."""
    low, high = np.quantile(attenuation, (rng.uniform(0, 0.03), rng.uniform(0.96, 1)))
    gray = np.clip((attenuation - low) / (high - low + 1e-9), 0, 1) ** rng.uniform(0.6, 1.6)
    gray = ndimage.gaussian_filter(gray, rng.uniform(0, 0.9)) + rng.normal(0, rng.uniform(0, 0.02), gray.shape)
    gray = np.clip(gray, 0, 1).astype(np.float32)
    return gray[:, ::-1].copy() if rng.random() < 0.5 else gray
