"""Bone thickness beyond soft tissue: ribs, clavicles, scapulae, humeral heads, spine, sternum."""

import numpy as np

from cxr.phantom.frame import Floats, Frame, Points
from cxr.phantom.raster import distance_to_paths, fill, hollow_tube
from cxr.phantom.thorax import SIDES, Thorax

__all__ = ["build_skeleton", "rib_paths"]

RIBS = 10


def build_skeleton(frame: Frame, thorax: Thorax, rng: np.random.Generator, incidental: tuple[str, ...]) -> Floats:
    """Bone path length (size, size) in centimetres of compact bone; ``rng`` is the patient's."""
    density = float(np.clip(rng.normal(1.0, 0.12), 0.7, 1.3))
    posterior, anterior = rib_paths(thorax, rng)
    bone = hollow_tube(distance_to_paths(frame, posterior), 0.62, 0.13)
    bone += 0.62 * hollow_tube(distance_to_paths(frame, anterior), 0.72, 0.11)
    bone += 1.1 * hollow_tube(distance_to_paths(frame, _clavicles(thorax, rng)), 0.62, 0.14)
    bone += _shoulders(frame, thorax, rng)
    bone += _spine(frame, thorax, rng, "scoliosis" in incidental, "degenerative spine" in incidental)
    bone += 0.18 * fill(frame, _sternum(thorax))
    return np.asarray(bone * density, dtype=np.float32)


def rib_paths(thorax: Thorax, rng: np.random.Generator) -> tuple[list[Points], list[Points]]:
    """Axes of posterior and anterior ribs: inclined half-ellipses from the spine around the wall to the front."""
    height = thorax.base - thorax.apex
    spacing = height * rng.normal(0.098, 0.004)
    posterior: list[Points] = []
    anterior: list[Points] = []
    theta = np.linspace(0.0, np.pi / 2, 40)
    for sign, side in ((-1.0, "right"), (1.0, "left")):
        for number in range(RIBS):
            start = thorax.apex + 0.3 + spacing * (number + rng.normal(0.0, 0.04)) - 0.04 * height
            drop = height * (0.10 + 0.028 * min(number, 6)) * (1.0 if thorax.breath > 0.9 else 1.12)
            y_back = start - 0.035 * height * np.sin(2 * theta) + drop * 0.62 * (1 - np.cos(theta))
            lateral = thorax.wall_x(side, np.array([y_back[-1]]))[0] * sign + 0.25
            if number < 2:
                lateral *= (0.86, 0.97)[number]
            x_back = 1.4 + (lateral - 1.4) * np.sin(theta)
            posterior.append(np.column_stack([sign * x_back, y_back]))
            if number < 7:
                front = 3.4 + 0.55 * number
                y_front = y_back[-1] + drop * 0.62 * np.sin(theta) * 1.15
                x_front = front + (lateral - front) * np.cos(theta)
                kept = slice(0, 34)
                anterior.append(np.column_stack([sign * x_front, y_front])[kept])
    return posterior, anterior


def _clavicles(thorax: Thorax, rng: np.random.Generator) -> list[Points]:
    s = np.linspace(0.0, 1.0, 30)
    tilt = rng.normal(1.6, 0.8) if not thorax.portable else rng.normal(2.6, 0.9)
    y = thorax.apex + rng.normal(2.6, 0.5) - (0.0 if not thorax.portable else 1.2)
    return [
        np.column_stack(
            [
                sign * (1.6 + s * (thorax.width / 2 + 1.0)) + 0.3 * thorax.shift,
                y - tilt * s + 0.55 * np.sin(2 * np.pi * s),
            ]
        )
        for sign in SIDES.values()
    ]


def _shoulders(frame: Frame, thorax: Thorax, rng: np.random.Generator) -> Floats:
    """Scapular blades, glenoid and humeral heads."""
    total = np.zeros((frame.size, frame.size), dtype=np.float32)
    half, top = thorax.width / 2, thorax.apex
    inwards = rng.normal(1.4, 0.6) if thorax.portable else rng.normal(-0.4, 0.6)
    for sign in SIDES.values():
        blade = np.array(
            [
                [half + 2.4, 2.2],
                [half - 2.6 - inwards, 1.6],
                [half - 1.4 - inwards, 7.5],
                [half + 0.4 - inwards, 13.0],
                [half + 1.6, 8.5],
                [half + 2.8, 4.5],
            ]
        )
        blade = blade * [sign, 1.0] + [0.0, top]
        total += 0.16 * fill(frame, blade)
        edge = np.vstack([blade[1:6]])
        total += 0.45 * hollow_tube(distance_to_paths(frame, [edge]), 0.3, 0.2)
        x, y = frame.grid
        head = np.hypot(x - sign * (half + 4.4), y - (top + 3.8))
        total += 0.55 * hollow_tube(head, 2.3, 0.12) + 0.35 * np.sqrt(np.maximum(2.3**2 - head**2, 0.0)) / 2.3
        shaft = np.array([[half + 5.0, 5.4], [half + 7.4, 16.0], [half + 9.0, 26.0]]) * [sign, 1.0] + [0.0, top]
        total += 0.9 * hollow_tube(distance_to_paths(frame, [shaft]), 1.15, 0.3)
    return total


def _spine(frame: Frame, thorax: Thorax, rng: np.random.Generator, scoliosis: bool, worn: bool) -> Floats:
    x, y = frame.grid
    height = thorax.base - thorax.apex
    pitch = height * 0.105
    bend = rng.normal(0.0, 0.12) + (rng.choice([-1.0, 1.0]) * rng.uniform(0.9, 1.6) if scoliosis else 0.0)
    along = (y - thorax.apex + 8.0) / pitch
    axis = bend * np.sin(np.pi * (y - thorax.apex) / height)
    offset = np.abs(x - axis)
    half = np.clip(1.25 + 0.045 * along, 1.2, 2.0)
    phase = along - np.floor(along)
    disc = np.exp(-(((phase - 0.5) / 0.11) ** 2))
    bodies = np.clip((half - offset) / 0.25, 0.0, 1.0) * (1.0 - 0.55 * disc)
    rim = np.exp(-(((offset - half) / 0.16) ** 2)) * (1.0 - 0.7 * disc)
    plates = np.exp(-(((np.abs(phase - 0.5) - 0.16) / 0.05) ** 2)) * np.clip((half - offset) / 0.2, 0.0, 1.0)
    pedicles = np.exp(-(((offset - half * 0.62) / 0.3) ** 2 + ((phase - 0.88) / 0.14) ** 2))
    process = np.exp(-((offset / 0.22) ** 2)) * np.exp(-(((phase - 0.15) / 0.2) ** 2))
    spurs = np.exp(-(((offset - half - 0.25) / 0.25) ** 2 + (disc - 1.0) ** 2 / 0.1)) if worn else 0.0
    return 1.15 * bodies + 0.35 * rim + 0.3 * plates + 0.5 * pedicles + 0.5 * process + 0.9 * spurs


def _sternum(thorax: Thorax) -> Points:
    top = thorax.apex + 3.4
    outline = [[-2.6, 0.0], [2.6, 0.0], [1.6, 4.4], [1.8, 12.0], [0.0, 15.0], [-1.8, 12.0], [-1.6, 4.4]]
    return np.array(outline) + np.array([0.0, top])
