"""Why a screened film's result is doubtful: it was scored, and its scores may be worth nothing."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

__all__ = ["DOUBT_MEANINGS", "Doubt"]


class Doubt(StrEnum):
    """A reason to doubt a result: the ``doubts`` of a results.jsonl line. A doubtful film is never below threshold."""

    PERHAPS_LATERAL = "perhaps_lateral"
    PERHAPS_CROPPED = "perhaps_cropped"
    SEVERAL_VIEWS = "several_views"
    PHOTOGRAPHED = "photographed"
    SCREENSHOT = "screenshot"
    ANNOTATED = "annotated"
    CHILD = "child"
    UNUSUAL = "unusual"
    OUT_OF_DISTRIBUTION = "out_of_distribution"


DOUBT_MEANINGS: Mapping[Doubt, str] = MappingProxyType(
    {
        Doubt.PERHAPS_LATERAL: "the film may be a lateral one",
        Doubt.PERHAPS_CROPPED: "a part of the chest may be missing",
        Doubt.SEVERAL_VIEWS: "the picture may hold several films",
        Doubt.PHOTOGRAPHED: "the film seems to be photographed from a screen or a light box",
        Doubt.SCREENSHOT: "the picture seems to show a viewer's window",
        Doubt.ANNOTATED: "arrows, letters or outlines seem to be drawn on the film",
        Doubt.CHILD: "the film seems to be of a child; the model is made for adults",
        Doubt.UNUSUAL: "the picture is unlike a usual frontal film",
        Doubt.OUT_OF_DISTRIBUTION: "the film lies far from those that the model was calibrated on",
    }
)
"""Reason -> what it means, as the rest of a sentence."""
