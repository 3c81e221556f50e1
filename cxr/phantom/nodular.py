"""Round lesions: nodules (up to 3 cm), masses (above), and the calcified granuloma that is neither."""

import numpy as np

from cxr.phantom.effect import Effect, Scene, lung_position, no_effect
from cxr.phantom.frame import Floats
from cxr.phantom.lesion import Lesion
from cxr.phantom.opacities import ZONE_DOWN

__all__ = ["diameter_cm", "granuloma", "mass", "nodule"]


def diameter_cm(lesion: Lesion) -> float:
    """Diameter of a nodule (1.3 to 2.9 cm) or a mass (3.3 to 7.8 cm)."""
    if lesion.finding == "Nodule":
        return 1.3 + 1.6 * lesion.severity
    return 3.3 + 4.5 * lesion.severity


def nodule(scene: Scene, lesion: Lesion) -> Effect:
    """A small sphere of tissue, smooth or slightly lobulated."""
    return _sphere(scene, lesion, roughness=0.05, density=1.9)


def mass(scene: Scene, lesion: Lesion) -> Effect:
    """A large lobulated, sometimes spiculated, body of tissue."""
    return _sphere(scene, lesion, roughness=0.09, density=1.1)


def granuloma(scene: Scene, rng: np.random.Generator) -> Floats:
    """Calcium (size, size), in centimetres of compact bone, of a small old granuloma."""
    side = str(rng.choice(["left", "right"]))
    x0, y0 = lung_position(scene.thorax, side, rng.uniform(0.3, 0.85), rng.uniform(0.3, 0.8))
    x, y = scene.frame.grid
    radius = rng.uniform(0.2, 0.32)
    chord = np.sqrt(np.maximum(1.0 - ((x - x0) ** 2 + (y - y0) ** 2) / radius**2, 0.0))
    return np.asarray(1.1 * radius * 2 * chord, dtype=np.float32)


def _sphere(scene: Scene, lesion: Lesion, roughness: float, density: float) -> Effect:
    rng = np.random.default_rng(lesion.seed)
    down = rng.uniform(*ZONE_DOWN[lesion.zone])
    across = rng.uniform(0.3, 0.75)
    x0, y0 = lung_position(scene.thorax, lesion.side, down, across)
    x, y = scene.frame.grid
    radius = diameter_cm(lesion) / 2
    dx, dy = (x - x0), (y - y0)
    angle = np.arctan2(dy, dx)
    border = np.ones_like(x)
    for order in range(2, 7):
        border += roughness * rng.normal() / np.sqrt(order - 1) * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    ratio = (dx**2 + dy**2) / (radius * border) ** 2
    chord = np.sqrt(np.maximum(1.0 - ratio, 0.0))
    lungs = np.maximum(scene.side_field(lesion.side), 0.15)
    nothing = no_effect(scene.frame.size)
    water = np.asarray(2.0 * radius * density * chord * lungs, dtype=np.float32)
    mask = (ratio < 1.0) & (scene.side_field(lesion.side) > 0.3)
    return Effect(mask, nothing.air, water, nothing.vessels)
