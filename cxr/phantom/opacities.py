"""What the findings in the lung itself do to the X-ray path.

Opacities: pneumonia is one lobar, ground-to-dense region with air bronchograms, often cut straight by a fissure;
consolidation is dense, medial and basal; infiltration is patchy and streaky without a border; atelectasis is linear or
wedge-shaped and takes volume (see cxr.phantom.thorax). Round lesions: nodules (up to 3 cm), masses (above), and the
calcified granuloma that is neither. Diffuse disease: oedema, emphysema, fibrosis.
"""

import numpy as np

from cxr.phantom.disease import Lesion
from cxr.phantom.effect import Effect, Scene, lung_position, no_effect
from cxr.phantom.frame import Floats, distance_to_paths, smooth_noise
from cxr.phantom.thorax import SIDES

__all__ = [
    "atelectasis",
    "consolidation",
    "diameter_cm",
    "edema",
    "emphysema",
    "fibrosis",
    "granuloma",
    "infiltration",
    "mass",
    "nodule",
    "pneumonia",
]

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
