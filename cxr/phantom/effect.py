"""What a lesion does to the X-ray path, and the scene it is drawn into."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr.phantom.frame import Floats, Frame
from cxr.phantom.soft_tissue import SoftTissue
from cxr.phantom.thorax import SIDES, Thorax

__all__ = ["Effect", "Scene", "lung_position", "no_effect"]


@dataclass(frozen=True)
class Effect:
    """Changes to the healthy maps, each (size, size).

    Attributes:
        mask: where a radiologist would mark the finding.
        air: factor on the air in the lung; 0 where it is airless, above 1 in a pneumothorax.
        water: extra tissue in centimetres, in place of air.
        vessels: factor on the vessels.
    """

    mask: NDArray[np.bool_]
    air: Floats
    water: Floats
    vessels: Floats


@dataclass(frozen=True)
class Scene:
    """The healthy anatomy that a lesion is drawn into."""

    frame: Frame
    thorax: Thorax
    tissue: SoftTissue
    vessel_map: Floats

    @property
    def fields(self) -> Floats:
        """Both visible lung fields, coverage in [0, 1]."""
        return np.maximum(self.tissue.field["right"], self.tissue.field["left"])

    def side_field(self, side: str) -> Floats:
        """The visible field of a lung, or of both."""
        return self.tissue.field[side] if side in SIDES else self.fields


def no_effect(size: int) -> Effect:
    """The effect of nothing."""
    ones = np.ones((size, size), dtype=np.float32)
    return Effect(np.zeros((size, size), dtype=np.bool_), ones, np.zeros_like(ones), ones)


def lung_position(thorax: Thorax, side: str, down: float, across: float) -> tuple[float, float]:
    """A place in the visible lung: ``down`` 0 at the apex and 1 at the dome, ``across`` 0 lateral and 1 medial.

    Places are relative to the outlines, so that a lesion stays where it was when the next film has another breath.
    """
    sign = SIDES[side]
    dome_y = float(thorax.dome(side)[4:12, 1].mean())
    y = thorax.apex + down * (dome_y - thorax.apex)
    lateral = float(thorax.wall_x(side, np.array([y]))[0])
    medial = thorax.medial(side)
    order = np.argsort(medial[:, 1])
    inner = float(np.interp(y, medial[order, 1], medial[order, 0]))
    near = np.abs(thorax.heart[:, 1] - y) < 1.5
    if near.any():
        border = (thorax.heart[near, 0] * sign).max()
        inner = sign * max(inner * sign, float(border))
    inner = sign * min(inner * sign, lateral * sign - 2.0)
    return lateral + across * (inner - lateral), y
