"""The report as data: sentences, what in the image carries each, and what was taken out of a generated text."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import ConfigDict

from cxr.localization import Box
from cxr.reporting.location import Side, Zone

__all__ = [
    "Evidence",
    "GeneratedText",
    "GroundedReport",
    "RemovalReason",
    "RemovedSentence",
    "Section",
    "Sentence",
    "Source",
    "Triage",
]

Triage = Literal["refer", "read", "none"]
Section = Literal["findings", "comparison", "impression", "note"]
Source = Literal["template", "generated"]

_STRICT = ConfigDict(extra="forbid")


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
