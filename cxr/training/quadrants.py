"""The quarters of the image in which a report can put a finding.

A set of quarters is the sum of their numbers: RIGHT_UPPER + RIGHT_LOWER is the right side. Right and left are the
patient's, whose right is on the left of the image.
"""

import torch
from torch import Tensor

__all__ = ["ANYWHERE", "LEFT_LOWER", "LEFT_UPPER", "RIGHT_LOWER", "RIGHT_UPPER", "quadrants_named", "where_named"]

RIGHT_UPPER, LEFT_UPPER, RIGHT_LOWER, LEFT_LOWER = 1, 2, 4, 8
ANYWHERE = RIGHT_UPPER + LEFT_UPPER + RIGHT_LOWER + LEFT_LOWER

_SIDES = {"right": RIGHT_UPPER + RIGHT_LOWER, "left": LEFT_UPPER + LEFT_LOWER}
_UPPER, _LOWER = RIGHT_UPPER + LEFT_UPPER, RIGHT_LOWER + LEFT_LOWER
_HEIGHTS = dict.fromkeys(("apex", "upper lobe", "paratracheal"), _UPPER) | dict.fromkeys(
    ("base", "lower lobe", "costophrenic angle"), _LOWER
)


def quadrants_named(side: str | None, zone: str | None) -> int:
    """The quarters that a side and a zone name, as :class:`nlp_labeler.document.Mention` has them.

    ANYWHERE where they name none. A lobe's name is taken for its half of the lung, which is where most of it lies.
    """
    return _SIDES.get(side or "", ANYWHERE) & _HEIGHTS.get(zone or "", ANYWHERE)


def where_named(edge: int, margin: float = 0.0) -> Tensor:
    """(16, S * S) bool: the cells of each set of quarters, by its number.

    Args:
        edge: S.
        margin: share of the edge by which each quarter reaches beyond the middle, in [0, .5): neither do patients lie
            straight, nor do lobes end at half the height.

    Raises:
        ValueError: if the map has a single cell, which lies in no quarter.
    """
    if edge < 2:
        raise ValueError(f"a map of {edge} x {edge} cells has no quarters; choose larger images or a finer stage")
    centres = (torch.arange(edge) + 0.5) / edge
    first, second = centres < 0.5 + margin, centres >= 0.5 - margin
    quarters = torch.stack([rows[:, None] & columns for rows in (first, second) for columns in (first, second)])
    numbers = torch.tensor([RIGHT_UPPER, LEFT_UPPER, RIGHT_LOWER, LEFT_LOWER])
    holds = (torch.arange(ANYWHERE + 1)[:, None] & numbers) > 0  # (16, 4)
    return (holds[:, :, None] & quarters.flatten(1)).any(dim=1)
