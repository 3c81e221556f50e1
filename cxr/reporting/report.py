"""Findings above their operating points -> a report in which every sentence names its evidence."""

from collections.abc import Callable, Sequence

from cxr.reporting.comparison import compare
from cxr.reporting.document import AttentionMap, Evidence, GeneratedText, GroundedReport, Section, Sentence, Triage
from cxr.reporting.finding import FindingResult
from cxr.reporting.location import side_of, zones_of
from cxr.reporting.phrases import load_phrases
from cxr.reporting.regulariser import KeptSentence, regularise
from cxr.reporting.wording import in_ontology_order, listed, noun, percent, where
from nlp_labeler.findings import ANCESTORS

__all__ = ["write_report"]

_ADVICE: dict[Triage, str] = {
    "refer": "Triage: refer.",
    "read": "Triage: a person must read this image; it is certified neither for referral nor for ruling out.",
    "none": "Triage: below the threshold of the patient-level rule.",
}
_TITLES: dict[Section, str] = {
    "findings": "FINDINGS",
    "comparison": "COMPARISON",
    "impression": "IMPRESSION",
    "note": "NOTE",
}


def write_report(
    findings: Sequence[FindingResult],
    *,
    triage: Triage,
    width: int,
    height: int,
    generated: str | None = None,
    attention: Callable[[int, int], AttentionMap] | None = None,
    earlier: Sequence[FindingResult] | None = None,
) -> GroundedReport:
    """Write the report of one image.

    Only findings above their operating point are asserted, in ontology order (a finding follows the
    more general one it belongs to), in the generator's words where these are supported and in the template's
    elsewhere. Nothing is ever called normal: without a finding the report says
    that none was above its threshold, and it always says what was not assessed. That note is a section of
    its own, as is the comparison, so that a reader of findings, nlp_labeler among them, never takes a name in them
    for a finding.

    Args:
        findings: all findings of the label space, boxes in pixels of the input.
        triage: what the patient-level operating points say.
        width: input width in pixels.
        height: input height in pixels.
        generated: a text generator's report of the image; without one the template speaks alone.
        attention: where its generator looked as it said the characters from one place to another.
        earlier: findings of an earlier image of the same patient, by the same model.
    """
    positive = in_ontology_order(f for f in findings if f.positive)
    raw, kept = None, {}
    if generated is not None:
        sorted_out = regularise(generated, findings, width, height)
        kept = dict(sorted_out.kept)
        raw = GeneratedText(generated, sorted_out.removed, tuple(f.name for f in positive if f.name not in kept))
    looks = {name: attention(*sentence.said) for name, sentence in kept.items()} if attention else {}
    sentences = [_assertion(f, kept.get(f.name), looks.get(f.name, ()), width, height) for f in positive]
    sentences += _remarks("findings", _below_threshold(findings, positive))
    if earlier is not None:
        sentences += compare(findings, earlier)
    sentences += _remarks("impression", _impression(positive), _ADVICE[triage])
    sentences += _remarks("note", _without_threshold(findings), _limits(compared=earlier is not None))
    return GroundedReport(text=_plain(sentences), sentences=tuple(sentences), generated=raw)


def _plain(sentences: Sequence[Sentence]) -> str:
    """One line per section that has sentences."""
    lines = ((title, [s.text for s in sentences if s.section == section]) for section, title in _TITLES.items())
    return "\n".join(f"{title}: {' '.join(texts)}" for title, texts in lines if texts)


def _remarks(section: Section, *texts: str) -> list[Sentence]:
    """Sentences that assert no finding; empty texts are left out."""
    return [Sentence(text=text, finding=None, side=None, evidence=None, section=section) for text in texts if text]


def _assertion(
    finding: FindingResult, kept: KeptSentence | None, attention: AttentionMap, width: int, height: int
) -> Sentence:
    phrases = load_phrases()
    phrase = phrases.finding[finding.name]
    side = side_of(finding.boxes, width) if phrase.sided else None
    zones = zones_of(finding.boxes, height) if phrase.zoned else ()
    certainty, probability = phrases.certainty_of(finding.probability), percent(finding.probability)
    if kept is not None:
        text = phrases.kept.format(sentence=kept.text, certainty=certainty.name, percent=probability)
    else:
        text = certainty.sentence.format(finding=phrase.noun, where=where(side, zones), percent=probability)
    evidence = Evidence(
        probability=finding.probability,
        threshold=finding.threshold,
        boxes=finding.boxes,
        zones=zones,
        certainty=certainty.name,
        severity=kept.severity if kept else None,
        source="generated" if kept else "template",
        attention=attention,
    )
    return Sentence(text=text, finding=finding.name, side=side, evidence=evidence, section="findings")


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


def _limits(*, compared: bool) -> str:
    change = "" if compared else ", and change since earlier images"
    return (
        f"Not assessed: any finding outside this list, bones, soft tissues, tubes and lines{change}. "
        "Research use only: a radiologist must read the image."
    )


def _names(findings: Sequence[FindingResult], conjunction: str) -> str:
    return listed([noun(f.name) for f in in_ontology_order(findings)], conjunction)


def _impression(positive: Sequence[FindingResult]) -> str:
    if not positive:
        return "No finding above its threshold. This does not exclude disease."
    ranked = sorted(positive, key=lambda f: -f.probability)
    words = [f"{noun(f.name)} ({load_phrases().certainty_of(f.probability).name})" for f in ranked]
    return f"Findings above their thresholds, most probable first: {', '.join(words)}."
