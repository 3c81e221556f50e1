"""The tone of real films: low-frequency principal modes of radiographs, and how a phantom is brought to them.

Thickness maps give a phantom its details; what fat, muscle, film position and processing do to the slow changes of
grey is better learnt than modelled. The healthy anatomy is rendered small, laid on the canonical grid of the fitted
modes, and projected on them; the slow part of the difference is then added to the film. Lesions take no part in it,
so that a disease is never toned away.
"""

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from cxr.phantom.frame import Floats, Frame, resize
from cxr.phantom.shape import load_parameters
from cxr.phantom.thorax import Thorax

__all__ = ["GRID", "LUNG_BOX", "tone_correction"]

GRID = 48
LUNG_BOX = (0.14, 0.14, 0.86, 0.80)  # left, top, right, bottom of the lungs on the canonical grid
SMOOTH = 2.2  # canonical cells


def tone_correction(healthy: Floats, frame: Frame, thorax: Thorax, strength: float, rng: np.random.Generator) -> Floats:
    """What to add (size, size) to the logit of the grey, so that the slow part of a film resembles real ones.

    Args:
        healthy: (n, n) coarse rendering of the anatomy without lesions and devices, in [0, 1], over the whole frame.
        frame: the detector.
        thorax: the outlines, for the alignment.
        strength: 0 for none, 1 for the full projection.
        rng: adds a little of the modes' own variation.
    """
    view = "AP" if thorax.portable else "PA"
    mean = load_parameters()[f"appearance_mean_{view}"]
    modes = load_parameters()[f"appearance_modes_{view}"]
    x0, y0, x1, y1 = LUNG_BOX
    cell = (np.arange(GRID) + 0.5) / GRID
    body_x = -thorax.width / 2 + (cell - x0) / (x1 - x0) * thorax.width
    body_y = thorax.apex + (cell - y0) / (y1 - y0) * (thorax.base - thorax.apex)
    points = np.stack(np.meshgrid(body_x, body_y), axis=-1).reshape(-1, 2)
    scale = healthy.shape[0] / frame.size
    pixels = frame.to_pixels(points) * scale - 0.5
    canonical = map_coordinates(healthy, pixels[:, ::-1].T, order=1, mode="nearest")
    power = (modes**2).sum(axis=1)
    coefficients = np.clip((canonical - mean) @ modes.T / power + rng.normal(0.0, 0.25, len(modes)), -2.0, 2.0)
    target = mean + coefficients @ modes
    difference = gaussian_filter((_logit(target) - _logit(canonical)).reshape(GRID, GRID), SMOOTH, mode="nearest")
    coarse = Frame(64, frame.field_cm, frame.rotation, frame.shift)
    x, y = coarse.grid
    column = ((x + thorax.width / 2) / thorax.width * (x1 - x0) + x0) * GRID - 0.5
    row = ((y - thorax.apex) / (thorax.base - thorax.apex) * (y1 - y0) + y0) * GRID - 0.5
    return resize(strength * map_coordinates(difference, [row, column], order=1, mode="nearest"), frame.size)


def _logit(grey: Floats) -> Floats:
    clipped = np.clip(grey, 0.03, 0.97)
    return np.asarray(np.log(clipped / (1.0 - clipped)), dtype=np.float32)
