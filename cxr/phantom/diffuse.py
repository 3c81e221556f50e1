"""Diffuse lung disease: oedema, emphysema, fibrosis."""

import numpy as np

from cxr.phantom.effect import Effect, Scene, no_effect
from cxr.phantom.lesion import Lesion
from cxr.phantom.raster import distance_to_paths, smooth_noise
from cxr.phantom.thorax import SIDES

__all__ = ["edema", "emphysema", "fibrosis"]


def edema(scene: Scene, lesion: Lesion) -> Effect:
    """Perihilar haze on both sides, full vessels, septal lines at the bases."""
    rng = np.random.default_rng(lesion.seed)
    frame, thorax = scene.frame, scene.thorax
    x, y = frame.grid
    reach = 0.20 + 0.10 * lesion.severity
    haze = np.zeros_like(x)
    for side in SIDES:
        x0, y0 = thorax.hilum(side)
        distance = np.sqrt(
            ((x - x0) / (reach * thorax.width)) ** 2 + ((y - y0 - 1.5) / (1.25 * reach * thorax.width)) ** 2
        )
        haze = np.maximum(haze, np.exp(-(distance**2.2)))
    fluff = 1.0 + 0.3 * smooth_noise(rng, frame.size, frame.field_cm / 1.8)
    opacity = haze * fluff * (0.22 + 0.42 * lesion.severity) + 0.05 + 0.12 * lesion.severity
    lines = []
    for side, sign in SIDES.items():
        for _ in range(int(4 + 10 * lesion.severity)):
            y0 = thorax.base - rng.uniform(1.5, 7.5)
            edge = thorax.wall_x(side, np.array([y0]))[0] - sign * 0.1
            lines.append(np.array([[edge, y0], [edge - sign * rng.uniform(1.0, 2.0), y0 + rng.normal(0.0, 0.12)]]))
    septa = np.exp(-((distance_to_paths(frame, lines) / 0.1) ** 2))
    fields = scene.fields
    opacity = np.clip(opacity + 0.22 * septa, 0.0, 0.9) * fields
    mask = (haze * fields) > 0.45
    congested = np.full_like(x, 1.25 + 0.45 * lesion.severity)
    return Effect(mask, np.asarray(1.0 - opacity, np.float32), no_effect(frame.size).water, congested)


def emphysema(scene: Scene, lesion: Lesion) -> Effect:
    """Dark, large lungs with few vessels, and bullae when it is severe; the flat domes are in the outlines."""
    rng = np.random.default_rng(lesion.seed)
    frame, fields = scene.frame, scene.fields
    loss = np.clip(0.75 + 0.35 * smooth_noise(rng, frame.size, 4), 0.2, 1.3) * lesion.severity
    air = 1.0 + 0.17 * loss * fields
    vessels = 1.0 - np.clip(0.65 * loss, 0.0, 0.9) * fields
    return Effect(
        fields > 0.5, np.asarray(air, np.float32), no_effect(frame.size).water, np.asarray(vessels, np.float32)
    )


def fibrosis(scene: Scene, lesion: Lesion) -> Effect:
    """A net of fine lines, basal and peripheral, or apical."""
    rng = np.random.default_rng(lesion.seed)
    frame, thorax = scene.frame, scene.thorax
    y = frame.grid[1]
    down = (y - thorax.apex) / (thorax.base - thorax.apex)
    toward = (
        np.clip((down - 0.42) / 0.35, 0.0, 1.0) if lesion.zone == "basal" else np.clip((0.5 - down) / 0.3, 0.0, 1.0)
    )
    inside = np.maximum(scene.tissue.depth_inside["right"], scene.tissue.depth_inside["left"])
    region = toward * (0.35 + 0.65 * np.exp(-inside / 2.6)) * scene.fields
    net = np.exp(-((smooth_noise(rng, frame.size, frame.field_cm / 0.75) / 0.28) ** 2))
    coarse = np.exp(-((smooth_noise(rng, frame.size, frame.field_cm / 1.5) / 0.2) ** 2))
    opacity = np.clip(region * (0.75 * net + 0.45 * coarse) * (0.3 + 0.5 * lesion.severity), 0.0, 0.9)
    mask = region > 0.35
    nothing = no_effect(frame.size)
    return Effect(mask, np.asarray(1.0 - opacity, np.float32), nothing.water, nothing.vessels)
