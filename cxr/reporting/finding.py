"""One finding as screened: the only thing a report sentence may rest on."""

from dataclasses import dataclass

from pydantic import ConfigDict

from cxr.localization import Box

__all__ = ["FindingResult"]


@dataclass(frozen=True)
class FindingResult:
    """Score, operating point and boxes of one finding in one image.

    Attributes:
        name: label as in :data:`nlp_labeler.findings.LABELS`.
        probability: calibrated, in [0, 1].
        threshold: certified operating point on the probability, in [0, 1]; ``None`` if none was issued, in
            which case the finding is never called positive.
        positive: whether the probability is above the threshold.
        certificate: what is guaranteed about the threshold, in words; ``None`` if nothing is.
        boxes: where, in pixels of the input; empty unless positive. A box's score is the finding's
            probability times the relative heat of its region, in [0, 1].
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    probability: float
    threshold: float | None
    positive: bool
    certificate: str | None
    boxes: tuple[Box, ...]
