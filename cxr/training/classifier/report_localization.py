"""Where the report of an image puts each finding, and how a classifier learns from it.

A label says that there is a nodule, the report says that it is in the left upper lobe. For a network that is told the
label alone, all cells of the image may be the nodule; told the words as well, three quarters of them are negatives.
That is what words have to teach a classifier whose labels were mined from them.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn.functional import softplus

from cxr.datasets.dataset import Dataset
from cxr.errors import DatasetError
from nlp_labeler.document import Assertion

__all__ = [
    "ANYWHERE",
    "LEFT_LOWER",
    "LEFT_UPPER",
    "RIGHT_LOWER",
    "RIGHT_UPPER",
    "UNLOCALIZED",
    "ReportLocalizationConfig",
    "quadrant_masks",
    "quadrants_of",
    "report_localization_loss",
    "report_quadrants",
]

# A set of quarters of the image is the sum of their numbers: RIGHT_UPPER + RIGHT_LOWER is the right side. Right and
# left are the patient's, whose right is on the left of the image.
RIGHT_UPPER, LEFT_UPPER, RIGHT_LOWER, LEFT_LOWER = 1, 2, 4, 8
ANYWHERE = RIGHT_UPPER + LEFT_UPPER + RIGHT_LOWER + LEFT_LOWER

_SIDES = {"right": RIGHT_UPPER + RIGHT_LOWER, "left": LEFT_UPPER + LEFT_LOWER}
_UPPER, _LOWER = RIGHT_UPPER + LEFT_UPPER, RIGHT_LOWER + LEFT_LOWER
_HEIGHTS = dict.fromkeys(("apex", "upper lobe", "paratracheal"), _UPPER) | dict.fromkeys(
    ("base", "lower lobe", "costophrenic angle"), _LOWER
)


def quadrants_of(side: str | None, zone: str | None) -> int:
    """The quarters that a side and a zone name, as :class:`nlp_labeler.document.Mention` has them.

    ANYWHERE where they name none. A lobe's name is taken for its half of the lung, which is where most of it lies.
    """
    return _SIDES.get(side or "", ANYWHERE) & _HEIGHTS.get(zone or "", ANYWHERE)


def quadrant_masks(edge: int, margin: float = 0.0) -> Tensor:
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


PRESENT = frozenset({Assertion.AFFIRMED, Assertion.UNCERTAIN})
"""How a mention is content_plan_of whose finding is to be looked for."""

UNLOCALIZED = 0
"""The set of quarters of a finding of which a report names no place."""

_MARGIN = 0.1  # a finding may reach so far beyond the quarter that is named


class ReportLocalizationConfig(BaseModel):
    """The weight of :func:`report_localization_loss`, and the sharpness r of its log-sum-exp pooling.

    A sharpness far below that of the scores' own pooling spreads the gradient over the whole part that is named: it is
    from there that cells which a sharp maximum would never try are tried.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weight: float = Field(default=1.0, gt=0)
    sharpness: float = Field(default=1.0, gt=0)


def report_quadrants(dataset: Dataset, label_space: Sequence[str]) -> NDArray[np.int64]:
    """For each label the quarters in which the dataset's reports, as its labeler read them, put it.

    Args:
        dataset: N images, with mined reports.
        label_space: names of the C labels.

    Returns:
        (N, C) sets of quarters; UNLOCALIZED where a finding is not said to be present, or nowhere in particular. Of
        several mentions those that name no place are taken to speak of the others' places.

    Raises:
        DatasetError: if the dataset has no mined reports.
    """
    if dataset.reports is None or "mentions" not in dataset.reports:
        raise DatasetError(
            f"{dataset.root} has no mined reports to learn places from; build it with `cxr dataset build`"
        )
    quadrants = np.full((len(dataset), len(label_space)), UNLOCALIZED, dtype=np.int64)
    numbers = {name: number for number, name in enumerate(label_space)}
    mentions = dict(zip(dataset.reports["image"], dataset.reports["mentions"], strict=True))
    for row, image in enumerate(dataset.records["image"]):
        for mention in mentions.get(image, ()):
            if mention["finding"] not in numbers or mention["assertion"] not in PRESENT:
                continue
            named = quadrants_of(mention["side"], mention["zone"])
            if named != ANYWHERE or mention["side"] is not None:  # "bilateral" is a place, too
                quadrants[row, numbers[mention["finding"]]] |= named
    return quadrants


def report_localization_loss(class_maps: Tensor, quadrants: Tensor, sharpness: float) -> Tensor:
    """What is in the named quarters alone is to score as present, what is clear of them alone as absent.

    Both scores are log-sum-exp poolings over the whole map in which the other cells count as lowest evidence; their
    cross-entropies are summed: multiple-instance learning (Wang 2017 pools the whole image so) on parts of an image.

    Args:
        class_maps: (N, C, S, S) logits.
        quadrants: (N, C) of :func:`report_quadrants`; UNLOCALIZED and ANYWHERE teach nothing.
        sharpness: r of the pooling, > 0.

    Returns:
        A scalar: the sum over the findings of which a place is named, divided by N * C as the labels' loss is.
    """
    row, label = ((quadrants != UNLOCALIZED) & (quadrants != ANYWHERE)).nonzero(as_tuple=True)
    maps = class_maps[row, label].flatten(1)  # (M, S * S)
    named = quadrants[row, label]
    edge = class_maps.shape[-1]
    inside = quadrant_masks(edge).to(maps.device)[named]
    outside = ~quadrant_masks(edge, _MARGIN).to(maps.device)[named]
    missed, strayed = softplus(-_score(maps, inside, sharpness)), softplus(_score(maps, outside, sharpness))
    return (missed + strayed).sum() / quadrants.numel()


def _score(maps: Tensor, cells: Tensor, sharpness: float) -> Tensor:
    """(M,) poolings of maps (M, L) over some of their cells (M, L)."""
    kept = (sharpness * maps).masked_fill(~cells, -torch.inf)
    return (kept.logsumexp(dim=1) - math.log(maps.shape[1])) / sharpness
