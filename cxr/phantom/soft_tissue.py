"""Thickness of the body, its lungs, heart and gas, and the pulmonary vessels, as line integrals in centimetres.

The vessels are trees that branch in three dimensions from both hila, thinning by Murray's law.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from cxr.phantom.frame import Floats, Frame, Points, distance_inside, fill, resize, smooth_noise
from cxr.phantom.thorax import SIDES, Thorax
from cxr.phantom.tubes import along, draw_tubes, strands_by_radius

__all__ = ["SoftTissue", "build_soft_tissue", "build_vessels"]


@dataclass(frozen=True)
class SoftTissue:
    """Maps (size, size) in centimetres of path length unless said otherwise.

    Attributes:
        body: everything inside the skin, air spaces included.
        lung: aerated lung, what lies behind heart and domes included.
        gas: free air: trachea, stomach, bowel.
        field: "right" and "left" -> visible lung field, coverage in [0, 1].
        depth_inside: "right" and "left" -> distance from the pleura, inwards.
        heart: coverage of the heart in [0, 1].
    """

    body: Floats
    lung: Floats
    gas: Floats
    field: dict[str, Floats]
    depth_inside: dict[str, Floats]
    heart: Floats


def build_soft_tissue(frame: Frame, thorax: Thorax, rng: np.random.Generator) -> SoftTissue:
    """All soft-tissue and air maps of an examination; ``rng`` is the patient's."""
    x, y = frame.grid
    heart = fill(frame, thorax.heart)
    heart_depth, _ = distance_inside(frame, thorax.heart)
    hull = fill(frame, _hull(thorax))
    chest = thorax.depth - 4.5
    apical = np.clip(0.5 + 0.5 * (y - thorax.apex) / 9.0, 0.35, 1.0)
    lung = np.zeros_like(x)
    field: dict[str, Floats] = {}
    depth_inside: dict[str, Floats] = {}
    behind = np.zeros_like(x)
    for side in SIDES:
        outline = thorax.lungs[side]
        inside, outside = distance_inside(frame, outline)
        coverage = fill(frame, outline)
        round_chest = np.sqrt(1.0 - (1.0 - np.minimum(inside / 4.2, 1.0)) ** 2)
        lung += coverage * (0.25 + 0.75 * round_chest) * chest * apical
        fading = np.maximum(np.exp(-outside / 1.5) - 0.08, 0.0)
        behind = np.maximum(behind, hull * (1.0 - coverage) * 0.30 * chest * fading)
        field[side] = coverage * (1.0 - heart)
        depth_inside[side] = inside
    cardiac = np.sqrt(1.0 - (1.0 - np.minimum(heart_depth / 4.5, 1.0)) ** 2)
    lung *= 1.0 - heart * (0.22 + 0.66 * cardiac)
    lung += behind * (1.0 - heart * 0.3)
    return SoftTissue(
        body=_body(frame, thorax, rng),
        lung=np.asarray(lung, dtype=np.float32),
        gas=_gas(frame, thorax, rng),
        field=field,
        depth_inside=depth_inside,
        heart=heart,
    )


def _hull(thorax: Thorax) -> Points:
    """The inside of the rib cage: both lateral borders joined across."""
    return np.vstack([thorax.lateral("right"), thorax.lateral("left")[::-1]])


def _body(frame: Frame, thorax: Thorax, rng: np.random.Generator) -> Floats:
    """Everything inside the skin; smooth, therefore drawn at half resolution."""
    x, y = frame.coarser(2).grid
    top, base, half, wall = thorax.apex, thorax.base, thorax.width / 2, thorax.wall
    slope = rng.normal(0.0, 0.5)
    heights = np.array([-10.0, -6.0, -4.2, -2.8 + slope * 0.3, -1.0 + slope, 3.0, 9.0, 13.0]) + top
    widths = np.array([5.8, 6.6, 8.4, 12.0, 16.0, half + 2.4, half + wall + 0.6, half + wall])
    heights = np.append(heights, [base, base + 8.0])
    widths = np.append(widths, [half + wall, half + wall + 0.5 * wall - 0.8])
    depths = np.array([14.5, 14.5, 14.0, 14.0, 14.5, 16.0, thorax.depth - 1, thorax.depth, thorax.depth + 1.5])
    depths = np.append(depths, thorax.depth + 2.5 + 0.8 * wall)
    rows = np.linspace(y.min(), y.max(), 160)
    width_at = np.interp(y, rows, gaussian_filter(np.interp(rows, heights, widths), 2.5))
    depth_at = np.interp(y, rows, gaussian_filter(np.interp(rows, heights, depths), 3.0))
    torso = depth_at * np.sqrt(np.maximum(1.0 - np.abs(x / width_at) ** 2.6, 0.0))
    body = torso**2
    for sign in SIDES.values():
        body = np.maximum(body, _arm(x * sign, y, thorax, rng) ** 2)
    girdle = np.exp(-(((y - top - 2.5) / 5.0) ** 2)) * np.clip((np.abs(x) - 4.0) / 8.0, 0.0, 1.0)
    chord = np.sqrt(body) + _breasts(x, y, thorax, rng) + 2.6 * girdle * (body > 1.0)
    return resize(chord, frame.size)


def _arm(x: Floats, y: Floats, thorax: Thorax, rng: np.random.Generator) -> Floats:
    """Shoulder and upper arm as a tapering tube, held away from the body on PA films."""
    start = np.array([thorax.width / 2 + 1.6, thorax.apex + 4.2])
    spread = rng.uniform(0.12, 0.35) if thorax.portable else rng.uniform(0.35, 0.85)
    direction = np.array([np.sin(spread), np.cos(spread)])
    along = (x - start[0]) * direction[0] + (y - start[1]) * direction[1]
    across = (x - start[0]) * direction[1] - (y - start[1]) * direction[0]
    cap = np.where(along < 0, along, 0.0)
    radius = 5.2 + 0.25 * thorax.wall - 0.06 * np.maximum(along, 0.0)
    return 2.0 * np.sqrt(np.maximum(radius**2 - across**2 - cap**2 * 1.3, 0.0))


def _breasts(x: Floats, y: Floats, thorax: Thorax, rng: np.random.Generator) -> Floats:
    if not thorax.female:
        return np.zeros_like(x)
    size = float(np.clip(rng.normal(1.0, 0.35) + 0.12 * (thorax.wall - 2.4), 0.45, 1.9))
    total = np.zeros_like(x)
    for sign in SIDES.values():
        centre_x = sign * thorax.width * rng.normal(0.29, 0.015)
        centre_y = thorax.base - rng.normal(5.5, 1.0) + 1.4 * size
        dx, dy = (x - centre_x) / (4.6 + 1.6 * size), y - centre_y
        below = dy / (2.0 + 1.6 * size)
        above = dy / (7.0 + 2.0 * size)
        distance = dx**2 + np.where(dy > 0, below, above) ** 2
        total += (2.2 * size + 0.6) * np.maximum(1.0 - distance, 0.0) ** 0.6
    return total


def _gas(frame: Frame, thorax: Thorax, rng: np.random.Generator) -> Floats:
    x, y = frame.grid
    carina = thorax.apex + (thorax.base - thorax.apex) * 0.30
    middle = 0.25 * thorax.shift
    bend = rng.normal(-0.3, 0.25)
    s = np.linspace(0.0, 1.0, 40)
    axis = np.column_stack(
        [
            middle + bend * np.sin(np.pi * s) + 0.5 * thorax.shift * s**2,
            thorax.apex - 8.0 + (carina - thorax.apex + 8.0) * s,
        ]
    )
    end = axis[-1]
    right = end + np.column_stack([-s * 3.2, s * 2.6])
    left = end + np.column_stack([s * 4.0, s * 2.4])
    gas = draw_tubes(frame, [along([axis], 0.85), along([right, left], 0.55)]) * 0.85
    if rng.random() < 0.75:
        dome = thorax.dome("left")
        centre = dome[len(dome) // 2] + np.array([rng.normal(-0.5, 1.0), rng.uniform(2.0, 3.4)])
        gas += _bubble(x, y, centre, rng.uniform(1.4, 3.2), rng.uniform(0.9, 1.9), 0 if thorax.portable else 0.5, rng)
    for _ in range(int(rng.poisson(1.2))):
        centre = np.array([rng.uniform(-0.35, 0.4) * thorax.width, thorax.base + rng.uniform(0.5, 6.0)])
        gas += 0.5 * _bubble(x, y, centre, rng.uniform(0.8, 2.4), rng.uniform(0.6, 1.3), 0.0, rng)
    return np.asarray(gas, dtype=np.float32)


def _bubble(x: Floats, y: Floats, centre: Points, a: float, b: float, level: float, rng: np.random.Generator) -> Floats:
    """Gas in a viscus: an uneven ellipsoid, cut by a fluid level in the upright patient."""
    wobble = resize(smooth_noise(rng, 32, 5), x.shape[0]) * 0.16
    distance = ((x - centre[0]) / a) ** 2 + ((y - centre[1]) / b) ** 2 + wobble
    chord = 3.4 * np.sqrt(np.maximum(1.0 - distance, 0.0))
    if level > 0:
        chord *= np.clip((centre[1] + level * b - y) / 0.25 + 0.5, 0.0, 1.0)
    return np.asarray(chord, dtype=np.float32)


GENERATIONS = 6
SAMPLES = 11
HILAR_BRANCHES = 17


def build_vessels(frame: Frame, thorax: Thorax, rng: np.random.Generator) -> Floats:
    """Vessel thickness (size, size) in centimetres, not yet cut to the lungs; ``rng`` is the patient's."""
    points, radii, steps = [], [], []
    height = thorax.base - thorax.apex
    s = np.linspace(0.0, 1.0, SAMPLES)
    for side, sign in SIDES.items():
        hilum = np.array(thorax.hilum(side))
        angle = np.linspace(-1.45, 1.6, HILAR_BRANCHES) + rng.normal(
            0.0, 0.1, HILAR_BRANCHES
        )  # from straight up to straight down
        start = hilum + np.column_stack([np.zeros(HILAR_BRANCHES), np.linspace(-0.07, 0.10, HILAR_BRANCHES) * height])
        start[:, 0] += sign * rng.uniform(-0.4, 0.7, HILAR_BRANCHES)
        # The lower lobes carry more blood in the upright patient.
        radius = np.clip(0.31 + 0.13 * np.sin(angle) + rng.normal(0, 0.06, HILAR_BRANCHES), 0.16, 0.6)
        length = height * rng.uniform(0.075, 0.125, HILAR_BRANCHES)
        for _ in range(GENERATIONS):
            count = len(angle)
            bend = rng.normal(0.0, 0.4, count)
            tilt = rng.normal(0.0, 0.55, count)  # out of the plane: the branch looks shorter and denser
            heading = angle[:, None] + bend[:, None] * s
            advance = length[:, None] / SAMPLES
            seen = advance * np.cos(tilt)[:, None]
            x = start[:, :1] + sign * np.cumsum(np.cos(heading) * seen, axis=1)
            y = start[:, 1:] + np.cumsum(np.sin(heading) * seen, axis=1)
            points.append(np.column_stack([x.ravel(), y.ravel()]))
            radii.append((radius[:, None] * (1 - 0.15 * s)).ravel())
            steps.append(np.repeat(advance[:, 0], SAMPLES))
            split = rng.uniform(0.2, 0.6, count)
            share = rng.uniform(0.25, 0.75, count)
            last = heading[:, -1]
            angle = np.concatenate([last - split, last + split * rng.uniform(0.5, 1.0, count)])
            radius = np.concatenate([radius * share ** (1 / 3), radius * (1 - share) ** (1 / 3)]) * 0.86
            length = np.tile(length, 2) * rng.uniform(0.7, 0.98, 2 * count)
            start = np.tile(np.column_stack([x[:, -1], y[:, -1]]), (2, 1))
        # The pulmonary artery and its first branches: the hilar shadow itself.
        down = np.linspace(0.0, 1.0, 24)
        points.append(hilum + np.column_stack([sign * (0.2 + 1.3 * down), -1.6 + 5.6 * down]))
        radii.append(0.72 - 0.3 * down)
        steps.append(np.full(24, 0.25))
        points.append(hilum + np.column_stack([sign * rng.normal(0.6, 0.6, 30), rng.normal(0.4, 1.5, 30)]))
        radii.append(rng.uniform(0.3, 0.6, 30))
        steps.append(np.full(30, 0.2))
    return draw_tubes(frame, strands_by_radius(np.vstack(points), np.concatenate(steps), np.concatenate(radii)))
