"""The pulmonary vessels: branching trees from both hila, thinning by Murray's law."""

import numpy as np

from cxr.phantom.frame import Floats, Frame
from cxr.phantom.raster import tubes
from cxr.phantom.thorax import SIDES, Thorax

__all__ = ["build_vessels"]

GENERATIONS = 6
SAMPLES = 10


def build_vessels(frame: Frame, thorax: Thorax, rng: np.random.Generator, scale: float = 1.0) -> Floats:
    """Vessel thickness (size, size) in centimetres, not yet cut to the lungs.

    Args:
        frame: the detector.
        thorax: the outlines.
        rng: the patient's, so that the tree is the same at every visit.
        scale: of all radii; above 1 in congestion, below 1 in emphysema.
    """
    points, radii, steps = [], [], []
    height = thorax.base - thorax.apex
    for side, sign in SIDES.items():
        hilum = np.array(thorax.hilum(side))
        trunks = 15
        angle = np.linspace(-1.25, 1.5, trunks) + rng.normal(0.0, 0.1, trunks)  # from up-and-out to down
        start = hilum + np.column_stack([np.zeros(trunks), np.linspace(-0.06, 0.12, trunks) * height])
        start[:, 0] += sign * rng.uniform(-0.3, 0.6, trunks)
        radius = np.clip(0.30 + 0.10 * np.sin(angle) + rng.normal(0, 0.05, trunks), 0.14, 0.5) * scale
        length = height * rng.uniform(0.085, 0.13, trunks)
        for _ in range(GENERATIONS):
            bend = rng.normal(0.0, 0.35, len(angle))
            s = np.linspace(0.0, 1.0, SAMPLES)
            heading = angle[:, None] + bend[:, None] * s
            advance = length[:, None] / SAMPLES
            x = start[:, :1] + sign * np.cumsum(np.cos(heading) * advance, axis=1)
            y = start[:, 1:] + np.cumsum(np.sin(heading) * advance, axis=1)
            points.append(np.column_stack([x.ravel(), y.ravel()]))
            radii.append((radius[:, None] * (1 - 0.15 * s)).ravel())
            steps.append(np.repeat(advance[:, 0], SAMPLES))
            end = np.column_stack([x[:, -1], y[:, -1]])
            split = rng.uniform(0.25, 0.65, len(angle))
            share = rng.uniform(0.35, 0.65, len(angle))
            angle = np.concatenate([heading[:, -1] - split, heading[:, -1] + split * rng.uniform(0.5, 1.0, len(angle))])
            radius = np.concatenate([radius * share ** (1 / 3), radius * (1 - share) ** (1 / 3)]) * 0.88
            length = np.tile(length, 2) * rng.uniform(0.7, 0.95, len(angle))
            start = np.tile(end, (2, 1))
        points.append(hilum + np.column_stack([sign * rng.normal(0.7, 0.5, 40), rng.normal(0.6, 1.3, 40)]))
        radii.append(rng.uniform(0.35, 0.65, 40) * scale)
        steps.append(np.full(40, 0.12))
    return tubes(frame, np.vstack(points), np.concatenate(radii), np.concatenate(steps))
