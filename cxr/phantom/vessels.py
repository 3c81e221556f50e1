"""The pulmonary vessels: trees that branch in three dimensions from both hila, thinning by Murray's law."""

import numpy as np

from cxr.phantom.frame import Floats, Frame
from cxr.phantom.thorax import SIDES, Thorax
from cxr.phantom.tubes import draw_tubes, strands_by_radius

__all__ = ["build_vessels"]

GENERATIONS = 6
SAMPLES = 11
TRUNKS = 17


def build_vessels(frame: Frame, thorax: Thorax, rng: np.random.Generator) -> Floats:
    """Vessel thickness (size, size) in centimetres, not yet cut to the lungs; ``rng`` is the patient's."""
    points, radii, steps = [], [], []
    height = thorax.base - thorax.apex
    s = np.linspace(0.0, 1.0, SAMPLES)
    for side, sign in SIDES.items():
        hilum = np.array(thorax.hilum(side))
        angle = np.linspace(-1.45, 1.6, TRUNKS) + rng.normal(0.0, 0.1, TRUNKS)  # from straight up to straight down
        start = hilum + np.column_stack([np.zeros(TRUNKS), np.linspace(-0.07, 0.10, TRUNKS) * height])
        start[:, 0] += sign * rng.uniform(-0.4, 0.7, TRUNKS)
        # The lower lobes carry more blood in the upright patient.
        radius = np.clip(0.31 + 0.13 * np.sin(angle) + rng.normal(0, 0.06, TRUNKS), 0.16, 0.6)
        length = height * rng.uniform(0.075, 0.125, TRUNKS)
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
