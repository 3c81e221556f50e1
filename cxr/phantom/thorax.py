"""The outlines of one examination: shape model, view, breath and disease brought together.

Volume changes are part of the disease, not decoration: collapse lifts the diaphragm and pulls the mediastinum,
tension pushes it away, emphysema flattens the domes, and all of it moves the outlines before anything is drawn.
Outlines (n, 2) are moved in place; lengths in centimetres.
"""

from dataclasses import dataclass

import numpy as np

from cxr.phantom.course import Visit
from cxr.phantom.disease import Lesion
from cxr.phantom.frame import Frame, Points
from cxr.phantom.patient import Patient
from cxr.phantom.shape import DIAPHRAGM, HEART, LATERAL, LEFT_LUNG, MEDIAL, RIGHT_LUNG, load_shape_model

__all__ = ["SIDES", "Thorax", "build_frame", "build_thorax"]

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


@dataclass(frozen=True)
class Thorax:
    """Outlines in body centimetres.

    Attributes:
        lungs: "right" and "left" -> (64, 2) outlines that run on behind the heart.
        heart: (48, 2).
        width: between the lateral borders of the lungs.
        apex: y of the higher lung apex; base: y of the lower costophrenic angle.
        depth: front to back, of the chest at its thickest.
        wall: of fat and muscle outside the lungs, at the sides.
        shift: of the mediastinum to the image's right.
        breath: 1 at full inspiration, smaller when the patient could not.
        female, portable: sex and view.
    """

    lungs: dict[str, Points]
    heart: Points
    width: float
    apex: float
    base: float
    depth: float
    wall: float
    shift: float
    breath: float
    female: bool
    portable: bool

    def lateral(self, side: str) -> Points:
        """Chest-wall border of a lung from apex to costophrenic angle, (24, 2)."""
        return self.lungs[side][LATERAL]

    def dome(self, side: str) -> Points:
        """Diaphragm border from the costophrenic to the cardiophrenic angle, (15, 2)."""
        return self.lungs[side][DIAPHRAGM.start : DIAPHRAGM.stop + 1]

    def medial(self, side: str) -> Points:
        """Mediastinal border from the cardiophrenic angle to the apex, (26, 2)."""
        return self.lungs[side][MEDIAL]

    def hilum(self, side: str) -> tuple[float, float]:
        """Where the vessels enter the lung; the left one is higher."""
        y = self.apex + (self.base - self.apex) * (0.44 if side == "right" else 0.40)
        return SIDES[side] * 0.095 * self.width + self.shift * 0.7, y

    def wall_x(self, side: str, y: np.ndarray) -> np.ndarray:
        """Where (x) the chest-wall border of a lung lies at heights y; constant beyond its ends."""
        border = self.lateral(side)
        order = np.argsort(border[:, 1])
        return np.interp(y, border[order, 1], border[order, 0])


def build_frame(thorax: Thorax, size: int, rng: np.random.Generator) -> Frame:
    """Where the patient stands before the detector."""
    fill = rng.normal(0.79, 0.04) if not thorax.portable else rng.normal(0.74, 0.06)
    field = thorax.width / float(np.clip(fill, 0.5, 0.86))
    height = thorax.base - thorax.apex
    field = max(min(field, height / 0.54), height / 0.76, thorax.width / 0.9)
    loose = 1.6 if thorax.portable else 1.0
    top = field * float(
        np.clip(rng.normal(0.19 if thorax.portable else 0.165, 0.025 * loose), 0.05, 0.3)
    )  # of film above the lungs
    return Frame(
        size=size,
        field_cm=field,
        rotation=float(np.radians(np.clip(rng.normal(0.0, 1.1 * loose), -5, 5))),
        shift=(float(rng.normal(0.0, 0.6 * loose)), top - field / 2 - thorax.apex),
    )


def build_thorax(patient: Patient, visit: Visit, rng: np.random.Generator) -> Thorax:
    """The outlines of a patient at a visit."""
    female, portable = patient.sex == "F", visit.view == "AP"
    width = (25.6 if female else 28.6) * (1.0 + 0.018 * patient.habitus)
    breath = float(np.clip(rng.normal(0.89 if portable else 0.99, 0.05), 0.74, 1.08))
    points = load_shape_model().shape(patient.shape) * width
    points[:, 1] *= breath * (1.06 if female else 1.12)

    taper(points, width, patient.taper)

    ratio = cardiothoracic_ratio(patient.heart, portable, visit.lesions)
    for lesion in visit.lesions:
        if lesion.finding == "Emphysema":
            ratio *= 1.0 - 0.1 * lesion.severity
            points[:, 1] *= 1.0 + 0.1 * lesion.severity
        if lesion.finding == "Fibrosis":
            points[:, 1] *= 1.0 - 0.1 * lesion.severity
    lungs = {"right": points[RIGHT_LUNG], "left": points[LEFT_LUNG]}
    heart = resize_heart(points[HEART], ratio * width)
    for side, outline in lungs.items():
        run_behind_heart(outline, SIDES[side], heart)
    shift = 0.0
    for lesion in visit.lesions:
        shift += displace(lungs, lesion)
    heart[:, 0] += shift
    for side in SIDES:  # the mediastinal borders follow the heart
        medial = lungs[side][MEDIAL]
        medial[:, 0] += 0.7 * shift
    bottom = max(lungs[side][:, 1].max() for side in SIDES)
    heart[:, 1] = np.minimum(heart[:, 1], bottom)
    return Thorax(
        lungs=lungs,
        heart=heart,
        width=width,
        apex=float(min(lungs[side][0, 1] for side in SIDES)),
        base=float(bottom),
        depth=(19.0 if female else 21.5) * (1.0 + 0.1 * patient.habitus),
        wall=max(1.8, 3.5 + 1.1 * patient.habitus),
        shift=shift,
        breath=breath,
        female=female,
        portable=portable,
    )


def cardiothoracic_ratio(healthy: float, portable: bool, lesions: tuple[Lesion, ...]) -> float:
    """Heart width over chest width: .53 to .70 by severity of cardiomegaly; 6% more on AP films (magnification)."""
    ratio = healthy * (1.06 if portable else 1.0)
    for lesion in lesions:
        if lesion.finding == "Cardiomegaly":
            ratio = 0.535 + 0.16 * lesion.severity + (0.015 if portable else 0.0)
    return ratio
