"""Parenchymal opacities: pneumonia, consolidation, infiltration, atelectasis.

What tells them apart on a film is kept apart here: pneumonia is one lobar, ground-to-dense region with air
bronchograms, often cut straight by a fissure; consolidation is dense, medial and basal; infiltration is patchy and
streaky without a border; atelectasis is linear or wedge-shaped and takes volume (see cxr.phantom.thorax).
"""

import numpy as np

from cxr.phantom.effect import Effect, Scene, lung_position, no_effect
from cxr.phantom.frame import Floats
from cxr.phantom.lesion import Lesion
from cxr.phantom.raster import distance_to_paths, smooth_noise
from cxr.phantom.thorax import SIDES

__all__ = ["atelectasis", "consolidation", "infiltration", "pneumonia"]

ZONE_DOWN = {"upper": (0.2, 0.36), "mid": (0.45, 0.6), "lower": (0.72, 0.9)}


def _fill(scene: Scene, opacity: Floats, share_of_peak: float = 0.45, vessels: Floats | None = None) -> Effect:
    """An effect that replaces the share ``opacity`` of the air by fluid."""
    size = scene.frame.size
    nothing = no_effect(size)
    opacity = np.clip(opacity, 0.0, 0.97)
    mask = opacity > share_of_peak * max(float(opacity.max()), 1e-3)
    kept = nothing.vessels if vessels is None else vessels
    return Effect(mask, np.asarray(1.0 - opacity, dtype=np.float32), nothing.water, kept)


def _blob(
    scene: Scene, at: tuple[float, float], radii: tuple[float, float], rng: np.random.Generator, sharpness: float = 7.0
) -> Floats:
    """A region with an uneven, soft border: 1 in the middle, falling through .5 at about the radii."""
    x, y = scene.frame.grid
    field = scene.frame.field_cm
    rough = (
        smooth_noise(rng, scene.frame.size, field / 4.0) * 0.22 + smooth_noise(rng, scene.frame.size, field / 1.6) * 0.1
    )
    distance = np.sqrt(((x - at[0]) / radii[0]) ** 2 + ((y - at[1]) / radii[1]) ** 2) + rough
    return np.asarray(1.0 / (1.0 + np.exp(np.clip((distance - 1.0) * sharpness, -30.0, 30.0))), dtype=np.float32)


def pneumonia(scene: Scene, lesion: Lesion) -> Effect:
    """Lobar airspace disease with air bronchograms; extent and density grow with severity."""
    rng = np.random.default_rng(lesion.seed)
    x0, y0 = lung_position(scene.thorax, lesion.side, rng.uniform(*ZONE_DOWN[lesion.zone]), rng.uniform(0.3, 0.65))
    radius = 3.2 + 3.2 * lesion.severity
    region = _blob(scene, (x0, y0), (radius * rng.uniform(0.9, 1.25), radius * rng.uniform(0.75, 1.05)), rng, 4.5)
    y = scene.frame.grid[1]
    if lesion.zone == "upper":  # the fissure cuts it straight below
        region = region * np.clip((y0 + 0.45 * radius - y) / 0.7 + 0.5, 0.0, 1.0)
    elif lesion.zone == "mid":
        region = region * np.clip((y - y0 + 0.55 * radius) / 0.7 + 0.5, 0.0, 1.0)
    bronchi = np.clip((scene.vessel_map - 0.25) * 0.6, 0.0, 0.25)
    density = 0.5 + 0.4 * lesion.severity
    grain = 1.0 + 0.10 * smooth_noise(rng, scene.frame.size, scene.frame.field_cm / 1.4)
    opacity = region * scene.side_field(lesion.side) * density * (1.0 - bronchi) * grain
    return _fill(scene, opacity, vessels=np.asarray(1.0 - 0.9 * region, dtype=np.float32))


def consolidation(scene: Scene, lesion: Lesion) -> Effect:
    """Dense homogeneous airspace filling, medial, no bronchograms."""
    rng = np.random.default_rng(lesion.seed)
    x0, y0 = lung_position(scene.thorax, lesion.side, rng.uniform(*ZONE_DOWN[lesion.zone]), rng.uniform(0.7, 0.95))
    radius = 2.2 + 3.0 * lesion.severity
    region = _blob(scene, (x0, y0), (radius, radius * rng.uniform(0.9, 1.3)), rng)
    return _fill(scene, region * scene.side_field(lesion.side) * (0.5 + 0.42 * lesion.severity))


def infiltration(scene: Scene, lesion: Lesion) -> Effect:
    """Patchy, ill-defined opacities and thickened bronchovascular markings over a zone; never dense, never sharp."""
    rng = np.random.default_rng(lesion.seed)
    size, field_cm = scene.frame.size, scene.frame.field_cm
    x0, y0 = lung_position(scene.thorax, lesion.side, rng.uniform(*ZONE_DOWN[lesion.zone]), rng.uniform(0.45, 0.75))
    radius = 3.8 + 3.0 * lesion.severity
    region = _blob(scene, (x0, y0), (radius, radius * rng.uniform(0.9, 1.2)), rng)
    patches = np.clip(0.5 + 0.36 * smooth_noise(rng, size, field_cm / 1.2), 0.0, 1.3)
    spots = np.clip(0.30 * smooth_noise(rng, size, field_cm / 0.55), 0.0, 0.6)
    markings = np.clip(scene.vessel_map, 0.0, 0.7)
    opacity = region * (patches * (0.75 + spots) + 0.3 * markings) * (0.27 + 0.27 * lesion.severity)
    field = scene.side_field(lesion.side)
    effect = _fill(scene, opacity * field)
    return Effect((region * field) > 0.5, effect.air, effect.water, np.asarray(1.0 + 0.35 * region, dtype=np.float32))


def atelectasis(scene: Scene, lesion: Lesion) -> Effect:
    """Plates at the mild end, a collapsed wedge at the severe end."""
    rng = np.random.default_rng(lesion.seed)
    thorax, frame = scene.thorax, scene.frame
    sign = SIDES[lesion.side]
    field = scene.side_field(lesion.side)
    low, high = {"upper": (0.3, 0.42), "mid": (0.52, 0.66), "lower": (0.82, 0.95)}[lesion.zone]
    count = 1 + int(rng.integers(0, 3)) + int(lesion.severity > 0.5)
    opacity = np.zeros((frame.size, frame.size), dtype=np.float32)
    for _ in range(count):
        x0, y0 = lung_position(thorax, lesion.side, rng.uniform(low, high), rng.uniform(0.35, 0.7))
        half, tilt = rng.uniform(1.6, 3.2) * (0.9 + 0.6 * lesion.severity), rng.normal(0.1, 0.22)
        s = np.linspace(-1.0, 1.0, 20)
        path = np.column_stack([x0 + s * half, y0 + sign * tilt * s * half + 0.25 * s**2 * rng.normal()])
        width = rng.uniform(0.14, 0.26) + 0.22 * lesion.severity
        fade = np.exp(-(((frame.grid[0] - x0) / (0.75 * half)) ** 4))  # plates thin out towards their ends
        plate = np.exp(-((distance_to_paths(frame, [path]) / width) ** 2)) * fade
        opacity = np.maximum(opacity, plate * (0.34 + 0.2 * lesion.severity))
    if lesion.severity > 1 / 3:
        opacity = np.maximum(opacity, _wedge(scene, lesion, rng) * (0.25 + 0.6 * lesion.severity))
    return _fill(scene, np.asarray(opacity * field, dtype=np.float32), share_of_peak=0.4)


def _wedge(scene: Scene, lesion: Lesion, rng: np.random.Generator) -> Floats:
    """A collapsed lobe: a triangle on the mediastinum with one sharp border."""
    x, y = scene.frame.grid
    sign = SIDES[lesion.side]
    hilum_x, hilum_y = scene.thorax.hilum(lesion.side)
    dome_y = float(scene.thorax.dome(lesion.side)[4:12, 1].mean())
    reach = (0.16 + 0.16 * lesion.severity) * scene.thorax.width * rng.uniform(0.9, 1.1)
    if lesion.zone == "upper":
        share = np.clip((hilum_y + 0.5 - y) / (hilum_y - scene.thorax.apex), 0.0, 1.2)
    else:
        share = np.clip((y - hilum_y - 0.5) / (dome_y - hilum_y), 0.0, 1.3)
    border = hilum_x * sign + share * reach
    return np.asarray(
        np.clip((border - x * sign) / 0.8 + 0.5, 0.0, 1.0) * np.clip(share * 6.0, 0.0, 1.0), dtype=np.float32
    )
