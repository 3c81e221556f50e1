"""The report as data: findings with their places, sentences, what carries each, and what a generated text lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import ConfigDict

from cxr.localization import Box

__all__ = [
    "AttentionMap",
    "CertifiedDecision",
    "Evidence",
    "FindingResult",
    "GeneratedText",
    "GroundedReport",
    "KeptSentence",
    "RegularisedText",
    "RemovalReason",
    "RemovedSentence",
    "Section",
    "Sentence",
    "Side",
    "Source",
    "Triage",
    "Zone",
    "side_of",
    "zones_of",
]

Side = Literal["left", "right", "bilateral", "midline"]
Zone = Literal["upper", "mid", "lower"]
Triage = Literal["refer", "read", "none"]
Section = Literal["findings", "comparison", "impression", "note"]
Source = Literal["template", "generated"]

_STRICT = ConfigDict(extra="forbid")
# Of the image width: a box whose centre is nearer than this to the middle has no side.
_MIDLINE_BAND = 0.04
# Of the image height. Lung apices sit at about 0.1 and the costophrenic angles at about 0.85 of a
# frontal radiograph, which puts the limits of the radiologist's three zones near these heights.
_UPPER_LIMIT, _MID_LIMIT = 0.36, 0.58


class RemovalReason(StrEnum):
    """Why a generated sentence is not in the report."""

    UNSUPPORTED = "unsupported"  # asserts a finding that is not above its operating point
    NOT_ASSESSED = "not_assessed"  # asserts something that the model does not score: a fracture, a tube
    CONTRADICTION = "contradiction"  # denies a finding above its operating point, or an ancestor of one
    WRONG_SIDE = "wrong_side"  # names a side on which no box lies, or not all sides on which boxes lie
    WRONG_ZONE = "wrong_zone"  # names a height at which no box lies
    MEASUREMENT = "measurement"  # gives a size or another number that nothing measured
    CHANGE = "change"  # speaks of an earlier image, which the generator never sees
    DENIAL = "denial"  # denies; the report says what stayed below its threshold in its own words
    UNGROUNDED = "ungrounded"  # asserts no finding: nothing in the image can carry it
    REPEATED = "repeated"  # a finding that an earlier sentence has said


AttentionMap = tuple[tuple[int, ...], ...]
"""Rows of a coarse map over the whole image, in percent of its hottest cell."""


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

    __pydantic_config__ = _STRICT

    name: str
    probability: float
    threshold: float | None
    positive: bool
    certificate: str | None
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Evidence:
    """What in the image carries a sentence.

    Attributes:
        probability: calibrated, in [0, 1].
        threshold: the operating point that the probability is above.
        boxes: in pixels of the input.
        zones: lung zones of the boxes; empty where height says nothing about the finding.
        certainty: the words that the probability earns, see phrases.toml.
        severity: as the generated sentence says it; no operating point certifies it, ``None`` where nothing is said.
        source: whether the words are the template's or the generator's.
        earlier_probability: of the same finding on the earlier image, in a sentence that compares the two.
        attention: where the generator looked when it had named the finding; empty in the template's words.
    """

    __pydantic_config__ = _STRICT

    probability: float
    threshold: float | None
    boxes: tuple[Box, ...]
    zones: tuple[Zone, ...]
    certainty: str = ""
    severity: str | None = None
    source: Source = "template"
    earlier_probability: float | None = None
    attention: AttentionMap = ()


@dataclass(frozen=True)
class Sentence:
    """One sentence of the report.

    Attributes:
        text: as it stands in the report.
        finding: the finding it asserts; ``None`` where it asserts none.
        side: where, in the patient's terms.
        evidence: ``None`` where it does not rest on the score of one finding.
        section: the part of the report that holds it; ``None`` in lines of schema 1.0.
    """

    __pydantic_config__ = _STRICT

    text: str
    finding: str | None
    side: Side | None
    evidence: Evidence | None
    section: Section | None = None


@dataclass(frozen=True)
class CertifiedDecision:
    """What a two-sided certificate decides about one film: named findings referred or ruled out, never more.

    Attributes:
        target: name of what was decided; a finding's own name, or that of several.
        findings: those it holds, any of which counts.
        decision: ``"refer"``: the score is above a threshold that few patients without it exceed; ``"below"``: it is
            under a threshold that few patients with it fall under.
        limit: the promised highest error rate: of false positives, or of misses.
        confidence: with which the promise, and all others of its kind, hold.
        predictive_values: (prevalence, least positive or negative predictive value there), all in [0, 1].
    """

    __pydantic_config__ = _STRICT

    target: str
    findings: tuple[str, ...]
    decision: Literal["refer", "below"]
    limit: float
    confidence: float
    predictive_values: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class RemovedSentence:
    """A generated sentence that the report does not hold.

    Attributes:
        text: as generated.
        reason: the first fault that was found.
        findings: findings that it asserts, or denies.
    """

    __pydantic_config__ = _STRICT

    text: str
    reason: RemovalReason
    findings: tuple[str, ...]


@dataclass(frozen=True)
class GeneratedText:
    """What the text generator said before it was held to what the image supports.

    Attributes:
        text: the raw text; not a report, and never to be shown as one.
        removed: its sentences that did not pass, in order.
        added: findings above their operating point of which no sentence passed; the report's words for them are
            the template's.
    """

    __pydantic_config__ = _STRICT

    text: str
    removed: tuple[RemovedSentence, ...]
    added: tuple[str, ...]


@dataclass(frozen=True)
class GroundedReport:
    """The report as text with section headings, and as sentences with evidence.

    Attributes:
        text: plain text, one line per section.
        sentences: in the order of the text.
        generated: the raw generated text where the bundle has a generator; ``None`` where the template spoke alone.
    """

    __pydantic_config__ = _STRICT

    text: str
    sentences: tuple[Sentence, ...]
    generated: GeneratedText | None = None


@dataclass(frozen=True)
class KeptSentence:
    """A generated sentence that the image supports.

    Attributes:
        text: without list mark and final stop.
        said: characters of the generated text that name the finding.
        severity: what it says of the finding, or ``None``.
    """

    text: str
    said: tuple[int, int]
    severity: str | None


@dataclass(frozen=True)
class RegularisedText:
    """A generated text, sorted.

    Attributes:
        text: as it was generated.
        kept: finding -> the one sentence that may say it.
        removed: everything else, in order.
    """

    text: str
    kept: Mapping[str, KeptSentence]
    removed: tuple[RemovedSentence, ...]


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
