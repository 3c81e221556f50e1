"""What build and disease do to the outlines of a chest. Outlines (n, 2) are moved in place; lengths in centimetres."""

import numpy as np

from cxr.phantom.frame import Points
from cxr.phantom.landmarks import DIAPHRAGM, MEDIAL
from cxr.phantom.lesion import Lesion

__all__ = ["SIDES", "displace", "resize_heart", "run_behind_heart", "taper"]

SIDES = {"right": -1.0, "left": 1.0}  # sign of x on the image; the patient's right is on the image's left


def taper(points: Points, width: float, amount: float) -> None:
    """Narrow the chest towards the apices by a share of its width, which shape masks alone underrate."""
    low, high = points[:, 1].min(), points[:, 1].max()
    up = 1.0 - (points[:, 1] - low) / (high - low)
    x = np.abs(points[:, 0])
    points[:, 0] -= np.sign(points[:, 0]) * amount * up**2 * np.maximum(x - 0.1 * width, 0.0)


def resize_heart(outline: Points, width: float) -> Points:
    """The outline at a given width, growing mainly to the left, as ventricles do; it stands on the diaphragm."""
    scale = width / np.ptp(outline[:, 0])
    middle = outline[:, 0].min() + 0.34 * np.ptp(outline[:, 0])
    top = outline[:, 1].max()
    heart = np.column_stack([middle + (outline[:, 0] - middle) * scale, top + (outline[:, 1] - top) * scale**0.6])
    for extreme in (int(heart[:, 0].argmin()), int(heart[:, 0].argmax())):
        x, y = heart[extreme]
        below = (heart[:, 1] > y) & ((heart[:, 0] - middle) * (x - middle) > 0)
        heart[below, 0] += 0.6 * (x - heart[below, 0])
    return heart


def run_behind_heart(outline: Points, sign: float, heart: Points) -> None:
    """Let the lung run on behind the heart, so that the heart alone decides where its border is seen."""
    top, bottom = heart[:, 1].min(), heart[:, 1].max()
    medial, dome = outline[MEDIAL], outline[DIAPHRAGM]
    flank = heart[heart[:, 0] * sign > np.median(heart[:, 0]) * sign]
    order = np.argsort(flank[:, 1])
    border = np.interp(medial[:, 1], flank[order, 1], flank[order, 0] * sign) - 1.2
    weight = np.clip((medial[:, 1] - top) / (0.4 * (bottom - top)), 0.0, 1.0)
    x = medial[:, 0] * sign
    medial[:, 0] = sign * (x + weight * (np.minimum(x, np.maximum(border, 1.5)) - x))
    pull = np.linspace(0.0, 1.0, len(dome)) ** 2
    lifted = min(medial[0, 1], bottom - 1.2)
    dome[:, 0] += (medial[0, 0] - dome[-1, 0]) * pull
    dome[:, 1] += (lifted - dome[-1, 1]) * pull
    medial[:, 1] = np.minimum(medial[:, 1], lifted)


def displace(lungs: dict[str, Points], lesion: Lesion) -> float:
    """Volume change of one lesion: moves its diaphragm in place, returns the shift of the mediastinum in cm."""
    if lesion.side not in SIDES:
        if lesion.finding == "Emphysema":
            for outline in lungs.values():
                _lift_dome(outline, 0.0, flatten=0.75 * lesion.severity)
        return 0.0
    sign, severity = SIDES[lesion.side], lesion.severity
    if lesion.finding == "Atelectasis":
        if lesion.zone == "lower":
            _lift_dome(lungs[lesion.side], 0.5 + 2.6 * severity)
        return sign * 1.5 * severity**1.5
    if lesion.finding == "Pneumothorax":
        _lift_dome(lungs[lesion.side], -1.2 * severity**2)
        return -sign * 1.8 * max(severity - 0.55, 0.0) / 0.45
    if lesion.finding == "Effusion":
        return -sign * 1.4 * max(severity - 0.6, 0.0) / 0.4
    return 0.0


def _lift_dome(outline: Points, lift: float, flatten: float = 0.0) -> None:
    dome = outline[DIAPHRAGM]
    weight = np.sin(np.linspace(0.15, np.pi * 0.75, len(dome)))
    dome[:, 1] -= lift * weight
    corner = outline[MEDIAL]
    corner[:3, 1] -= lift * 0.8
    line = np.linspace(outline[DIAPHRAGM.start, 1], outline[MEDIAL.start, 1], len(dome))
    dome[:, 1] += flatten * np.maximum(line - dome[:, 1], 0.0)
