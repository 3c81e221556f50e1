"""Bone beyond soft tissue: ribs, clavicles, scapulae, humeri, spine, sternum, as path length of compact bone."""

import numpy as np

from cxr.phantom.frame import Floats, Frame, Points, fill
from cxr.phantom.thorax import SIDES, Thorax
from cxr.phantom.tubes import Strands, along, draw_tubes

__all__ = ["build_skeleton", "rib_axes"]

RIBS = 11


def build_skeleton(frame: Frame, thorax: Thorax, rng: np.random.Generator, incidental: tuple[str, ...]) -> Floats:
    """Bone path length (size, size) in centimetres of compact bone; ``rng`` is the patient's."""
    density = float(np.clip(rng.normal(1.0, 0.15), 0.65, 1.35))
    strands = _ribs(thorax, rng) + _long_bones(thorax, rng)
    bone = draw_tubes(frame, strands)
    bone += _blades(frame, thorax, rng)
    bone += _spine(frame, thorax, rng, "scoliosis" in incidental, "degenerative spine" in incidental)
    bone += 0.1 * fill(frame, _sternum(thorax))
    return np.asarray(bone * density, dtype=np.float32)


def rib_axes(thorax: Thorax, rng: np.random.Generator) -> list[Points]:
    """Axes (N, 3) of all ribs, right ones first: inclined half-ellipses from the spine around the wall to the front.

    The third coordinate is depth: a rib that runs along the ray at the side wall is seen lengthwise there, and is
    as bright as its true length makes it.
    """
    height = thorax.base - thorax.apex
    spacing = height * rng.normal(0.097, 0.003)
    theta = np.linspace(0.0, 0.86 * np.pi, 90)
    axes: list[Points] = []
    for side, sign in SIDES.items():
        for number in range(RIBS):
            start = thorax.apex - 0.015 * height + spacing * (number + rng.normal(0.0, 0.05))
            drop = height * (0.13 + 0.030 * min(number, 6)) * (0.92 if thorax.breath > 0.9 else 1.05)
            y = start - 0.02 * height * np.sin(2 * theta) * (theta < np.pi / 2) + drop * (1 - np.cos(theta)) / 2 * 1.15
            lateral = float(thorax.wall_x(side, np.array([y[len(y) * 58 // 100]]))[0]) * sign + 0.3
            lateral *= (0.84, 0.95)[number] if number < 2 else 1.0
            inner = np.where(theta < np.pi / 2, 1.3, 3.0 + 0.6 * min(number, 6))
            x = inner + (lateral - inner) * np.sin(theta) ** 0.9
            z = 0.42 * thorax.depth * np.cos(theta)
            axes.append(np.column_stack([sign * x, y, z]))
    return axes


def _ribs(thorax: Thorax, rng: np.random.Generator) -> list[Strands]:
    axes = rib_axes(thorax, rng)
    back = [axis[:52] for axis in axes]
    front = [axis[52:] for index, axis in enumerate(axes) if index % RIBS < 8]
    return [
        along(back, 0.6, wall=0.12, density=0.8, core=0.15),
        along(front, 0.7, wall=0.10, density=0.55, core=0.16),
    ]


def _long_bones(thorax: Thorax, rng: np.random.Generator) -> list[Strands]:
    s = np.linspace(0.0, 1.0, 30)
    tilt = rng.normal(1.3, 0.8) if not thorax.portable else rng.normal(2.2, 0.9)
    y = thorax.apex + rng.normal(2.8, 0.5) - (1.0 if thorax.portable else 0.0)
    reach = thorax.width / 2 + 1.2
    clavicles, scapulae, humeri = [], [], []
    inwards = rng.normal(1.2, 0.7) if thorax.portable else rng.normal(-0.6, 0.7)
    for sign in SIDES.values():
        x = sign * (1.7 + s * (reach - 1.7)) + 0.3 * thorax.shift
        clavicles.append(np.column_stack([x, y - tilt * s + 0.6 * np.sin(2 * np.pi * s)]))
        scapulae.append(_blade(thorax, sign, inwards)[[1, 2, 3, 4, 5]])
        humeri.append(_humerus(thorax, sign))
    return [
        along(clavicles, 0.65, wall=0.2, density=1.1, core=0.2),
        along(scapulae, 0.35, density=0.9),
        along(humeri, 1.2, wall=0.35, density=1.0),
    ]


def _blade(thorax: Thorax, sign: float, inwards: float) -> Points:
    half = thorax.width / 2
    blade = np.array(
        [
            [half + 2.4, 2.4],
            [half - 2.4 - inwards, 1.8],
            [half - 1.6 - inwards, 7.5],
            [half + 0.6 - inwards, 13.5],
            [half + 1.7, 8.5],
            [half + 2.9, 4.5],
        ]
    )
    return blade * [sign, 1.0] + np.array([0.0, thorax.apex])


def _humerus(thorax: Thorax, sign: float) -> Points:
    half, slope = thorax.width / 2, 0.25 if thorax.portable else 0.55
    s = np.linspace(0.0, 1.0, 20)
    return np.column_stack([sign * (half + 5.2 + slope * 22 * s), thorax.apex + 5.6 + 22 * s])


def _blades(frame: Frame, thorax: Thorax, rng: np.random.Generator) -> Floats:
    """Scapular plates and humeral heads."""
    inwards = rng.normal(1.2, 0.7) if thorax.portable else rng.normal(-0.6, 0.7)
    total = 0.18 * fill(frame, *(_blade(thorax, sign, inwards) for sign in SIDES.values()))
    x, y = frame.grid
    for sign in SIDES.values():
        head = np.hypot(x - sign * (thorax.width / 2 + 4.6), y - (thorax.apex + 4.0))
        total += 0.26 * np.sqrt(np.maximum(2.35**2 - head**2, 0.0))
        total += 0.14 * np.sqrt(np.maximum(1.7**2 - (head * 0.8) ** 2, 0.0))
    return total


def _spine(frame: Frame, thorax: Thorax, rng: np.random.Generator, scoliosis: bool, worn: bool) -> Floats:
    """Vertebral bodies with discs, pedicles and spinous processes, pitch growing downwards."""
    near = np.abs(frame.grid[0]).min(axis=0) < 5.0  # columns of the film that the spine can reach
    x, y = (axis[:, near] for axis in frame.grid)
    height = thorax.base - thorax.apex
    bend = rng.normal(0.0, 0.12) + (rng.choice([-1.0, 1.0]) * rng.uniform(0.9, 1.6) if scoliosis else 0.0)
    axis = bend * np.sin(np.pi * (y - thorax.apex) / height)
    level = (y - thorax.apex) / height
    along_spine = (level + 0.1 * level**2) / 0.098 + rng.uniform(0, 1)
    offset = np.abs(x - axis)
    half = np.clip(1.3 + 0.75 * level, 1.1, 2.3)
    phase = along_spine - np.floor(along_spine)
    disc = np.exp(-(((phase - 0.5) / 0.10) ** 2))
    side = np.clip((half - offset) / 0.35 + 0.5, 0.0, 1.0)
    bodies = side * np.sqrt(np.maximum(1.0 - 0.6 * (offset / half) ** 2, 0.15)) * (1.0 - 0.3 * disc)
    plates = np.exp(-(((np.abs(phase - 0.5) - 0.15) / 0.05) ** 2)) * side
    pedicles = np.exp(-(((offset - half * 0.66) / 0.26) ** 2 + ((phase - 0.9) / 0.13) ** 2))
    process = np.exp(-((offset / 0.25) ** 2) - ((phase - 0.12) / 0.2) ** 2)
    transverse = np.exp(-(((phase - 0.95) / 0.16) ** 2)) * np.clip((3.2 - offset) / 0.6, 0.0, 1.0)
    spurs = np.exp(-(((offset - half - 0.2) / 0.25) ** 2)) * disc * 0.7 if worn else 0.0
    total = 0.42 * bodies + 0.06 * plates + 0.22 * pedicles + 0.25 * process + 0.12 * transverse + spurs
    spine = np.zeros_like(frame.grid[0])
    spine[:, near] = total
    return spine


def _sternum(thorax: Thorax) -> Points:
    top = thorax.apex + 3.4
    outline = [[-2.6, 0.0], [2.6, 0.0], [1.6, 4.4], [1.8, 12.0], [0.0, 15.0], [-1.8, 12.0], [-1.6, 4.4]]
    return np.array(outline) + np.array([0.0, top])
