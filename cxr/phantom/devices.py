"""Tubes, lines and implants: what lies on or in the patient and says little about the lungs."""

from collections.abc import Callable
from functools import partial

import numpy as np

from cxr.phantom.frame import Floats, Frame, Points, fill
from cxr.phantom.thorax import SIDES, Thorax
from cxr.phantom.tubes import along, draw_tubes

__all__ = ["build_devices"]


def build_devices(frame: Frame, thorax: Thorax, devices: tuple[str, ...], rng: np.random.Generator) -> Floats:
    """Attenuation (size, size) of all devices, as a line integral without unit."""
    total = np.zeros((frame.size, frame.size), dtype=np.float32)
    for device in devices:
        total += DRAWERS[device](frame, thorax, rng)
    return total


def _line(frame: Frame, path: Points, radius: float, density: float) -> Floats:
    """Attenuation of a radiopaque line, ``density`` per centimetre of its material."""
    return draw_tubes(frame, [along([path], radius, density=density)])


def _curve(points: list[tuple[float, float]], samples: int = 60) -> Points:
    """A smooth path through points (Catmull-Rom by chords)."""
    knots = np.array(points)
    at = np.linspace(0, len(knots) - 1, samples)
    smooth = np.column_stack([np.interp(at, np.arange(len(knots)), knots[:, axis]) for axis in (0, 1)])
    kernel = np.ones(7) / 7
    padded = np.pad(smooth, ((3, 3), (0, 0)), mode="edge")
    return np.column_stack([np.convolve(padded[:, axis], kernel, mode="valid") for axis in (0, 1)])


def _carina(thorax: Thorax) -> tuple[float, float]:
    return 0.3 * thorax.shift - 0.3, thorax.apex + 0.30 * (thorax.base - thorax.apex)


def _endotracheal(frame: Frame, thorax: Thorax, rng: np.random.Generator) -> Floats:
    x, y = _carina(thorax)
    tip = y - rng.uniform(1.5, 5.5)
    path = _curve([(x + rng.normal(0, 0.3), thorax.apex - 9), (x, thorax.apex - 3), (x, tip)])
    stripe = path + np.array([0.25, 0.0])
    return draw_tubes(frame, [along([path], 0.48, wall=0.12, density=0.25), along([stripe], 0.07, density=4.0)])


def _nasogastric(frame: Frame, thorax: Thorax, rng: np.random.Generator) -> Floats:
    dome = thorax.dome("left")[8]
    path = _curve(
        [
            (0.4, thorax.apex - 9),
            (0.2, thorax.apex + 4),
            (0.5 + 0.3 * thorax.shift, (thorax.apex + thorax.base) / 2),
            (1.2, dome[1]),
            (2.8 + rng.normal(0, 0.6), dome[1] + 3.2),
            (dome[0] * 0.7, dome[1] + 5.0),
        ]
    )
    return _line(frame, path, 0.16, 0.9)


def _central_line(frame: Frame, thorax: Thorax, rng: np.random.Generator) -> Floats:
    y = _carina(thorax)[1]
    cava = (-2.0 + 0.4 * thorax.shift, y + rng.uniform(0.0, 3.5))
    if rng.random() < 0.5:  # jugular
        path = _curve([(-3.6, thorax.apex - 8), (-3.0, thorax.apex - 1), (-2.3, thorax.apex + 4), cava])
    else:  # subclavian or from the arm
        path = _curve(
            [(-thorax.width * 0.55, thorax.apex + 6), (-7.5, thorax.apex + 2.6), (-3.0, thorax.apex + 3), cava]
        )
    return _line(frame, path, 0.10, 1.6)


def _pacemaker(frame: Frame, thorax: Thorax, rng: np.random.Generator) -> Floats:
    sign = 1.0 if rng.random() < 0.85 else -1.0
    centre = np.array([sign * thorax.width * rng.uniform(0.33, 0.38), thorax.apex + rng.uniform(5.0, 7.0)])
    angle = np.linspace(0, 2 * np.pi, 40)
    corner = (
        np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.6,
        np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.6,
    )
    can = centre + np.column_stack([2.1 * corner[0], 2.5 * corner[1]])
    tip = thorax.heart[18] * 0.8 + thorax.heart.mean(axis=0) * 0.2
    path = _curve(
        [
            tuple(centre),
            (sign * 6.0, thorax.apex + 3.2),
            (-1.5, thorax.apex + 4.0),
            (-2.3, thorax.apex + 9),
            (-2.0 + thorax.shift * 0.5, float(thorax.heart[:, 1].mean())),
            (float(tip[0]), float(tip[1])),
        ]
    )
    inner = centre + (can - centre) * 0.62 + [0.0, 0.4]
    return 0.9 * fill(frame, can) + 0.5 * fill(frame, inner) + _line(frame, path, 0.11, 4.0)


def _chest_drain(side: str, frame: Frame, thorax: Thorax, rng: np.random.Generator) -> Floats:
    sign = SIDES[side]
    height = thorax.base - thorax.apex
    y = thorax.apex + height * rng.uniform(0.55, 0.8)
    wall = float(thorax.wall_x(side, np.array([y]))[0])
    end_y = thorax.apex + height * rng.uniform(0.12, 0.5)
    path = _curve([(wall + sign * 6.0, y + 2.5), (wall, y), (wall - sign * 3.0, (y + end_y) / 2), (wall * 0.62, end_y)])
    return draw_tubes(frame, [along([path], 0.42, wall=0.14, density=0.2), along([path], 0.09, density=3.0)])


def _ecg_leads(frame: Frame, thorax: Thorax, rng: np.random.Generator) -> Floats:
    x, y = frame.grid
    total = np.zeros_like(x)
    for _ in range(int(rng.integers(2, 5))):
        at = np.array([rng.uniform(-0.5, 0.5) * thorax.width, thorax.apex + rng.uniform(3.0, 20.0)])
        distance = np.hypot(x - at[0], y - at[1])
        total += 0.10 * np.clip((0.9 - distance) / 0.2 + 0.5, 0.0, 1.0)
        total += 0.45 * np.clip((0.38 - distance) / 0.15 + 0.5, 0.0, 1.0)
        away = at + np.array([rng.normal(0.0, 6.0), rng.uniform(4.0, 12.0)])
        middle = (at + away) / 2 + rng.normal(0.0, 1.5, 2)
        total += _line(frame, _curve([tuple(at), tuple(middle), tuple(away)]), 0.08, 1.5)
    return np.asarray(total, dtype=np.float32)


def _sternal_wires(frame: Frame, thorax: Thorax, rng: np.random.Generator) -> Floats:
    angle = np.linspace(0, 2 * np.pi, 24)
    loops = []
    for number in range(int(rng.integers(4, 7))):
        centre = np.array([rng.normal(0.0, 0.15), thorax.apex + 5.5 + 2.5 * number])
        loops.append(centre + np.column_stack([0.75 * np.cos(angle), 0.38 * np.sin(angle)]))
    return draw_tubes(frame, [along(loops, 0.08, density=8.0)])


DRAWERS: dict[str, Callable[[Frame, Thorax, np.random.Generator], Floats]] = {
    "endotracheal tube": _endotracheal,
    "nasogastric tube": _nasogastric,
    "central line": _central_line,
    "pacemaker": _pacemaker,
    "chest drain left": partial(_chest_drain, "left"),
    "chest drain right": partial(_chest_drain, "right"),
    "ecg leads": _ecg_leads,
    "sternal wires": _sternal_wires,
}
