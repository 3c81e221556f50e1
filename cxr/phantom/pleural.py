"""Pleural disease: effusion, pneumothorax, pleural thickening."""

import numpy as np

from cxr.phantom.disease import Lesion
from cxr.phantom.effect import Effect, Scene, no_effect
from cxr.phantom.frame import Floats, Points, distance_to_paths, smooth_noise
from cxr.phantom.thorax import SIDES

__all__ = ["LUNG_DENSITY", "effusion", "pleural_thickening", "pneumothorax"]

LUNG_DENSITY = 0.26  # tissue share of aerated lung at inspiration


def effusion(scene: Scene, lesion: Lesion) -> Effect:
    """Fluid that pools at the base: a meniscus in the upright, a veil in the recumbent patient."""
    rng = np.random.default_rng(lesion.seed)
    thorax, (x, y) = scene.thorax, scene.frame.grid
    sign = SIDES[lesion.side]
    height = thorax.base - thorax.apex
    corner_x, corner_y = thorax.dome(lesion.side)[0]
    level = corner_y - (1.5 + height * 0.62 * lesion.severity**1.25)
    from_wall = np.maximum(sign * (corner_x - x), 0.0)
    rise = (1.4 + 1.8 * min(lesion.severity, 0.7)) * np.exp(-from_wall / (1.6 + 2.2 * lesion.severity))
    surface = level - rise + 0.9 + 0.12 * smooth_noise(rng, scene.frame.size, 6)
    softness = 0.5 + 0.5 * lesion.severity + (1.2 if thorax.portable else 0.0)
    share = 1.0 / (1.0 + np.exp(-(y - surface) / (0.35 * softness)))
    if thorax.portable:  # a recumbent patient's fluid also layers behind the lung
        veil = np.clip((y - level + 6.0) / 9.0, 0.0, 1.0) * 0.35 * lesion.severity
        share = np.maximum(share, veil)
    half = (x * sign) > (0.2 * scene.thorax.shift * sign)
    opacity = np.asarray(share * half * 0.97, dtype=np.float32)
    mask = (share > 0.5) & (scene.tissue.field[lesion.side] > 0.5)
    nothing = no_effect(scene.frame.size)
    return Effect(mask, np.asarray(1.0 - opacity, dtype=np.float32), nothing.water, np.asarray(1 - opacity, np.float32))


def pneumothorax(scene: Scene, lesion: Lesion) -> Effect:
    """Air between the lung and the wall: a thin pleural line, and no vessels beyond it."""
    rng = np.random.default_rng(lesion.seed)
    thorax, (_, y) = scene.thorax, scene.frame.grid
    height = thorax.base - thorax.apex
    outline = _wall_and_apex(scene, lesion.side)
    distance = distance_to_paths(scene.frame, [outline])
    down = np.clip((y - thorax.apex) / height, 0.0, 1.0)
    gap = (1.0 + 6.2 * lesion.severity**1.3) * np.clip(1.05 - (1.25 - 0.85 * lesion.severity) * down, 0.05, None)
    gap = gap * (1.0 + 0.06 * smooth_noise(rng, scene.frame.size, 5))
    field = scene.tissue.field[lesion.side]
    beyond = np.clip((gap - distance) / 0.12 + 0.5, 0.0, 1.0) * field
    edge = np.exp(-(((distance - gap) / 0.11) ** 2)) * field * (gap > 0.35)
    inside = field * (1.0 - beyond)
    air = (
        1.0
        + beyond * 0.6 * (1.0 / (1.0 - LUNG_DENSITY) - 1.0)
        - inside * (0.04 + 0.4 * max(lesion.severity - 0.4, 0.0))
    )
    water = np.asarray(0.75 * edge, dtype=np.float32)
    mask = (beyond > 0.5) & (gap > 0.35)
    return Effect(mask, np.asarray(air, np.float32), water, np.asarray(1.0 - beyond, np.float32))


def pleural_thickening(scene: Scene, lesion: Lesion) -> Effect:
    """An uneven rind along the lateral wall, or a cap over the apex."""
    rng = np.random.default_rng(lesion.seed)
    thorax, y = scene.thorax, scene.frame.grid[1]
    height = thorax.base - thorax.apex
    distance = distance_to_paths(scene.frame, [_wall_and_apex(scene, lesion.side)])
    down = (y - thorax.apex) / height
    extent = 0.16 + 0.1 * lesion.severity
    centre = 0.02 if lesion.zone == "apical" else 0.72
    along: Floats = np.asarray(np.exp(-(((down - centre) / extent) ** 4)), dtype=np.float32)
    thick = (0.45 + 1.3 * lesion.severity) * (
        1.0 + 0.25 * smooth_noise(rng, scene.frame.size, scene.frame.field_cm / 3)
    )
    rind = np.clip((thick * along - distance) / 0.25 + 0.5, 0.0, 1.0) * (along > 0.1)
    rind = np.asarray(rind * scene.tissue.field[lesion.side], dtype=np.float32)
    nothing = no_effect(scene.frame.size)
    air = np.asarray(1.0 - (0.4 + 0.4 * lesion.severity) * rind, dtype=np.float32)
    return Effect(rind > 0.5, air, nothing.water, nothing.vessels)


def _wall_and_apex(scene: Scene, side: str) -> Points:
    """The pleura over the apex and down the wall."""
    medial = scene.thorax.medial(side)[-5:]
    return np.vstack([medial, scene.thorax.lateral(side), scene.thorax.dome(side)[:1]])
