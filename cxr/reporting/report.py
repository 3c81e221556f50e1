"""Findings above their operating points -> a report in which every sentence names its evidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict

from cxr.localization import Box
from cxr.reporting.finding import FindingResult
from cxr.reporting.location import Side, Zone, side_of, zones_of
from cxr.reporting.phrases import FindingPhrase, load_phrases
from nlp_labeler.findings import ANCESTORS, PARENT

__all__ = ["Evidence", "GroundedReport", "Sentence", "Triage", "write_report"]

Triage = Literal["refer", "read", "none"]

_ONTOLOGY_ORDER = {node: rank for rank, node in enumerate(PARENT)}
_SIDE_WORDS: dict[Side | None, str] = {
    None: "",
    "left": " on the left",
    "right": " on the right",
    "midline": " near the midline",
    "bilateral": " on both sides",
}
_ADVICE: dict[Triage, str] = {
    "refer": "Triage: refer.",
    "read": "Triage: a person must read this image; it is certified neither for referral nor for ruling out.",
    "none": "Triage: below the threshold of the patient-level rule.",
}
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Evidence:
    """What in the image carries a sentence.

    Attributes:
        probability: calibrated, in [0, 1].
        threshold: the operating point that the probability is above.
        boxes: in pixels of the input.
        zones: lung zones of the boxes; empty where height says nothing about the finding.
    """

    __pydantic_config__ = _STRICT

    probability: float
    threshold: float | None
    boxes: tuple[Box, ...]
    zones: tuple[Zone, ...]


@dataclass(frozen=True)
class Sentence:
    """One sentence; ``finding`` and ``evidence`` are ``None`` where it asserts no finding."""

    __pydantic_config__ = _STRICT

    text: str
    finding: str | None
    side: Side | None
    evidence: Evidence | None


@dataclass(frozen=True)
class GroundedReport:
    """The report as text with section headings, and as sentences with evidence."""

    __pydantic_config__ = _STRICT

    text: str
    sentences: tuple[Sentence, ...]


def write_report(findings: Sequence[FindingResult], *, triage: Triage, width: int, height: int) -> GroundedReport:
    """Write the report of one image.

    Only findings above their operating point are asserted, in ontology order (a finding follows the
    more general one it belongs to). Nothing is ever called normal: without a finding the report says
    that none was above its threshold, and it always says what was not assessed. That note is a section of
    its own, so that a reader of findings, nlp_labeler among them, never takes a name in it for a finding.

    Args:
        findings: all findings of the label space, boxes in pixels of the input.
        triage: what the patient-level operating points say.
        width: input width in pixels.
        height: input height in pixels.
    """
    positive = sorted((f for f in findings if f.positive), key=lambda f: _ONTOLOGY_ORDER[f.name])
    asserted = [_assertion(f, width, height) for f in positive]
    rest = [_remark(text) for text in (_below_threshold(findings, positive),) if text]
    unjudged = [_remark(text) for text in (_without_threshold(findings),) if text]
    impression = _remark(_impression(positive))
    advice = _remark(_ADVICE[triage])
    limits = _remark(
        "Not assessed: any finding outside this list, bones, soft tissues, tubes and lines, and change since "
        "earlier images. Research use only: a radiologist must read the image."
    )
    sections = (
        ("FINDINGS", [*asserted, *rest]),
        ("IMPRESSION", [impression, advice]),
        ("NOTE", [*unjudged, limits]),
    )
    text = "\n".join(f"{title}: {' '.join(s.text for s in sentences)}" for title, sentences in sections)
    return GroundedReport(text=text, sentences=tuple(s for _, sentences in sections for s in sentences))


def _remark(text: str) -> Sentence:
    return Sentence(text=text, finding=None, side=None, evidence=None)


def _assertion(finding: FindingResult, width: int, height: int) -> Sentence:
    phrase = load_phrases().finding[finding.name]
    side = side_of(finding.boxes, width) if phrase.sided else None
    zones = zones_of(finding.boxes, height) if phrase.zoned else ()
    text = (
        load_phrases()
        .certainty_of(finding.probability)
        .sentence.format(finding=phrase.noun, where=_where(side, zones), percent=_percent(finding.probability))
    )
    evidence = Evidence(finding.probability, finding.threshold, finding.boxes, zones)
    return Sentence(text=text, finding=finding.name, side=side, evidence=evidence)


def _where(side: Side | None, zones: Sequence[Zone]) -> str:
    if not zones:
        return _SIDE_WORDS[side]
    plural = "s" if len(zones) > 1 else ""
    if side in ("left", "right"):
        return f" in the {side} {_listed(zones, 'and')} zone{plural}"
    return f" in the {_listed(zones, 'and')} zone{plural}{_SIDE_WORDS[side]}"


def _listed(words: Sequence[str], conjunction: str) -> str:
    """``a, b and c``."""
    return f" {conjunction} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _percent(probability: float) -> str:
    percent = 100 * probability
    if percent < 1:
        return "below 1%"
    if percent > 99:
        return "above 99%"
    return f"{percent:.0f}%"


def _below_threshold(findings: Sequence[FindingResult], positive: Sequence[FindingResult]) -> str:
    """The findings that stayed below their thresholds; empty if there is none to name.

    A more general finding is left out where one of its kind is asserted: below its threshold or not, it
    is implied, and the report must not seem to deny it.
    """
    implied = {ancestor for f in positive for ancestor in ANCESTORS[f.name]}
    below = [f for f in findings if f.threshold is not None and not f.positive and f.name not in implied]
    return f"No {_names(below, 'or')} above its threshold." if below else ""


def _without_threshold(findings: Sequence[FindingResult]) -> str:
    """The findings nothing can be said about; empty if there is none."""
    unjudged = [f for f in findings if f.threshold is None]
    return f"No certified threshold, hence no statement, for: {_names(unjudged, 'and')}." if unjudged else ""


def _names(findings: Sequence[FindingResult], conjunction: str) -> str:
    ordered = sorted(findings, key=lambda f: _ONTOLOGY_ORDER[f.name])
    return _listed([_bare(load_phrases().finding[f.name]) for f in ordered], conjunction)


def _bare(phrase: FindingPhrase) -> str:
    """The noun without its article, as it stands after 'no'."""
    return phrase.noun.removeprefix("a ").removeprefix("an ")


def _impression(positive: Sequence[FindingResult]) -> str:
    if not positive:
        return "No finding above its threshold. This does not exclude disease."
    ranked = sorted(positive, key=lambda f: -f.probability)
    names = [f"{_bare(load_phrases().finding[f.name])} ({_certainty_name(f)})" for f in ranked]
    return f"Findings above their thresholds, most probable first: {', '.join(names)}."


def _certainty_name(finding: FindingResult) -> str:
    return load_phrases().certainty_of(finding.probability).name
