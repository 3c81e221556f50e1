"""Boxes -> side and height, in the patient's terms."""

from collections.abc import Sequence
from typing import Literal

from cxr.localization import Box

__all__ = ["Side", "Zone", "side_of", "zones_of"]

Side = Literal["left", "right", "bilateral", "midline"]
Zone = Literal["upper", "mid", "lower"]

# Of the image width: a box whose centre is nearer than this to the middle has no side.
_MIDLINE_BAND = 0.04
# Of the image height. Lung apices sit at about 0.1 and the costophrenic angles at about 0.85 of a
# frontal radiograph, which puts the limits of the radiologist's three zones near these heights.
_UPPER_LIMIT, _MID_LIMIT = 0.36, 0.58


def side_of(boxes: Sequence[Box], width: int) -> Side | None:
    """Side of the body on which the boxes lie.

    A frontal radiograph, PA or AP, is shown as if facing the patient: the patient's left is on the
    right of the image. The image's vertical centre line stands for the midline of the body.

    Args:
        boxes: in pixels of an image ``width`` pixels wide.
        width: image width in pixels.

    Returns:
        ``None`` without boxes.
    """
    sides: set[Side] = set()
    for box in boxes:
        centre = (box.x + box.width / 2) / width - 0.5
        sides.add("midline" if abs(centre) < _MIDLINE_BAND else "left" if centre > 0 else "right")
    if not sides:
        return None
    if {"left", "right"} <= sides:
        return "bilateral"
    lateral = sides - {"midline"}
    return lateral.pop() if lateral else "midline"


def zones_of(boxes: Sequence[Box], height: int) -> tuple[Zone, ...]:
    """Lung zones that hold a box's centre, from top to bottom.

    Args:
        boxes: in pixels of an image ``height`` pixels high.
        height: image height in pixels.
    """
    centres = [(box.y + box.height / 2) / height for box in boxes]
    zones: dict[Zone, bool] = {
        "upper": any(c < _UPPER_LIMIT for c in centres),
        "mid": any(_UPPER_LIMIT <= c < _MID_LIMIT for c in centres),
        "lower": any(c >= _MID_LIMIT for c in centres),
    }
    return tuple(zone for zone, present in zones.items() if present)
