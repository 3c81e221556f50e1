"""Findings above their operating points -> a report in which every sentence names its evidence."""

import math
from collections.abc import Callable, Collection, Iterable, Sequence

from cxr.reporting.document import (
    AttentionMap,
    CertifiedDecision,
    Evidence,
    FindingResult,
    GeneratedText,
    GroundedReport,
    KeptSentence,
    RegularisedText,
    Section,
    Sentence,
    Side,
    Triage,
    Zone,
    side_of,
    zones_of,
)
from cxr.reporting.doubt import DOUBT_MEANINGS, Doubt
from cxr.reporting.patient import QUESTION_MEANINGS, PatientQuestion
from cxr.reporting.wording import listed, load_phrases, percent
from nlp_labeler.findings import ANCESTORS, NOT_ASSESSED, PARENT, finding_entry

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

_SIDE_WORDS: dict[Side | None, str] = {
    None: "",
    "left": " on the left",
    "right": " on the right",
    "midline": " near the midline",
    "bilateral": " on both sides",
}


def write_report(
    findings: Sequence[FindingResult],
    *,
    triage: Triage,
    width: int,
    height: int,
    generated: RegularisedText | None = None,
    attention: Callable[[int, int], AttentionMap] | None = None,
    earlier: Sequence[FindingResult] | None = None,
    certified: Sequence[CertifiedDecision] = (),
    not_assessed: str = NOT_ASSESSED,
    doubts: Sequence[Doubt] = (),
    questions: Sequence[PatientQuestion] = (),
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
        generated: a text generator's report of the image, as :func:`cxr.reporting.regularise` sorted it for these
            findings; without one the template speaks alone.
        attention: where its generator looked as it said the characters from one place to another.
        earlier: findings of an earlier image of the same patient, by the same model.
        certified: what two-sided certificates decide about the image.
        not_assessed: what the model does not look at, in words; may be empty.
        doubts: why the scores may be worth nothing; then nothing is said to be below its threshold.
        questions: why it may be another patient's film.
    """
    positive = _in_ontology_order(f for f in findings if f.positive)
    raw, kept = None, {}
    if generated is not None:
        kept = dict(generated.kept)
        raw = GeneratedText(generated.text, generated.removed, tuple(f.name for f in positive if f.name not in kept))
    looks = {name: attention(*sentence.said) for name, sentence in kept.items()} if attention else {}
    sentences = [_assertion(f, kept.get(f.name), looks.get(f.name, ()), width, height) for f in positive]
    if not doubts:
        referred = {name for decision in certified if decision.decision == "refer" for name in decision.findings}
        sentences += _remarks("findings", _below_threshold(findings, positive, referred))
    if earlier is not None:
        sentences += _compare(findings, earlier)
    summary = "" if doubts and not positive else _impression(positive)
    sentences += _remarks("impression", _questioned(questions), _doubtful(doubts), summary, _ADVICE[triage])
    sentences += _remarks("note", *map(_certified, certified), _nothing_else(certified))
    sentences += _remarks("note", _without_threshold(findings), _limits(not_assessed, compared=earlier is not None))
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
    entry = finding_entry(finding.name)
    side = side_of(finding.boxes, width) if entry.sided else None
    zones = zones_of(finding.boxes, height) if entry.zoned else ()
    certainty, probability = phrases.certainty_of(finding.probability), percent(finding.probability)
    if kept is not None:
        text = phrases.kept.format(sentence=kept.text, certainty=certainty.name, percent=probability)
    else:
        text = certainty.sentence.format(finding=entry.noun, where=_where(side, zones), percent=probability)
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


def _below_threshold(
    findings: Sequence[FindingResult], positive: Sequence[FindingResult], referred: Collection[str]
) -> str:
    """The findings that stayed below their thresholds; empty if there is none to name.

    A more general finding is left out where one of its kind is asserted: below its threshold or not, it
    is implied, and the report must not seem to deny it. Nor must it seem to deny what it refers for: the certificate
    of a referral has a threshold of its own.
    """
    implied = {ancestor for f in positive for ancestor in ANCESTORS[f.name]}
    unsaid = implied.union(referred)
    below = [f for f in findings if f.threshold is not None and not f.positive and f.name not in unsaid]
    return f"No {_names(below, 'or')} above its threshold." if below else ""


def _doubtful(doubts: Sequence[Doubt]) -> str:
    """That the scores may be wrong, and why; empty where nothing is doubtful."""
    why = "; ".join(DOUBT_MEANINGS[doubt] for doubt in doubts)
    return f"This result is doubtful: {why}. A person must read the image whatever the scores say." if doubts else ""


def _questioned(questions: Sequence[PatientQuestion]) -> str:
    """Whether it is the right patient's film; empty where nothing is asked."""
    why = "; ".join(QUESTION_MEANINGS[question] for question in questions)
    return f"Is this the right patient? Please check: {why}." if questions else ""


def _certified(decision: CertifiedDecision) -> str:
    """What was decided, how surely, and what that is worth at each declared prevalence."""
    nouns = listed([finding_entry(name).bare_noun for name in decision.findings], "or")
    named = nouns if len(decision.findings) == 1 else f"{decision.target} ({nouns})"
    worth = listed(
        [f"{_at_least(value)} at a prevalence of {100 * p:g}%" for p, value in decision.predictive_values], "and"
    )
    sure = f"at most {100 * decision.limit:g}% of patients"
    if decision.decision == "below":
        said = f"Ruled out: {named}; {sure} with it are ruled out wrongly ({decision.confidence:.0%} confidence)"
        return f"{said}, negative predictive value at least {worth}." if worth else f"{said}."
    said = f"Referred for {named}; {sure} without it are referred ({decision.confidence:.0%} confidence)"
    return f"{said}, positive predictive value at least {worth}." if worth else f"{said}."


def _at_least(value: float) -> str:
    """A share in percent, rounded down: a bound must not be rounded up, least of all to certainty."""
    return f"{math.floor(1000 * value) / 10:.1f}%"


def _nothing_else(certified: Sequence[CertifiedDecision]) -> str:
    return "Nothing else is ruled out." if any(d.decision == "below" for d in certified) else ""


def _without_threshold(findings: Sequence[FindingResult]) -> str:
    """The findings nothing can be said about; empty if there is none."""
    unjudged = [f for f in findings if f.threshold is None]
    return f"No certified threshold, hence no statement, for: {_names(unjudged, 'and')}." if unjudged else ""


def _limits(not_assessed: str, *, compared: bool) -> str:
    named = f", {not_assessed}" if not_assessed else ""
    change = "" if compared else ", and change since earlier images"
    return (
        f"Not assessed: any finding outside this list{named}{change}. "
        "Research use only: a radiologist must read the image."
    )


def _names(findings: Sequence[FindingResult], conjunction: str) -> str:
    return listed([finding_entry(f.name).bare_noun for f in _in_ontology_order(findings)], conjunction)


def _impression(positive: Sequence[FindingResult]) -> str:
    if not positive:
        return "No finding above its threshold. This does not exclude disease."
    ranked = sorted(positive, key=lambda f: -f.probability)
    words = [f"{finding_entry(f.name).bare_noun} ({load_phrases().certainty_of(f.probability).name})" for f in ranked]
    return f"Findings above their thresholds, most probable first: {', '.join(words)}."


def _compare(findings: Sequence[FindingResult], earlier: Sequence[FindingResult]) -> list[Sentence]:
    """Sentences on the findings that are above their threshold on either image, and a caution.

    Scores of one model on two images are compared, not the images: a change within the noise of positioning and
    exposure looks the same as a true one, which the last sentence says.

    Args:
        findings: of the image that is reported.
        earlier: of the earlier image of the same patient, by the same model.
    """
    before = {finding.name: finding for finding in earlier}
    sentences: list[Sentence] = []
    steady: list[str] = []
    for finding in _in_ontology_order(findings):
        then = before.get(finding.name)
        if then is None or finding.threshold is None:
            continue
        if finding.positive or then.positive:
            sentences.append(_change(finding, then))
        else:
            steady.append(finding_entry(finding.name).bare_noun)
    return sentences + _remarks(
        "comparison",
        f"Below the threshold on both images: {listed(steady, 'and')}." if steady else "",
        "Scores are compared, not the images; positioning and exposure change them too.",
    )


def _change(finding: FindingResult, then: FindingResult) -> Sentence:
    if finding.positive and then.positive:
        what = "above its threshold on both images"
    elif finding.positive:
        what = "above its threshold now, not on the earlier image"
    else:
        what = "no longer above its threshold"
    noun = finding_entry(finding.name).bare_noun.capitalize()
    text = f"{noun}: {what} (estimated probability {percent(then.probability)}, now {percent(finding.probability)})."
    evidence = Evidence(
        probability=finding.probability,
        threshold=finding.threshold,
        boxes=finding.boxes,
        zones=(),
        certainty=load_phrases().certainty_of(finding.probability).name,
        earlier_probability=then.probability,
    )
    asserted = finding.name if finding.positive else None
    return Sentence(text=text, finding=asserted, side=None, evidence=evidence, section="comparison")


def _in_ontology_order(findings: Iterable[FindingResult]) -> list[FindingResult]:
    """A finding follows the more general one it belongs to."""
    rank = {node: place for place, node in enumerate(PARENT)}
    return sorted(findings, key=lambda finding: rank[finding.name])


def _where(side: Side | None, zones: Sequence[Zone]) -> str:
    """``" in the left upper zone"``; empty where neither says anything."""
    if not zones:
        return _SIDE_WORDS[side]
    plural = "s" if len(zones) > 1 else ""
    if side in ("left", "right"):
        return f" in the {side} {listed(zones, 'and')} zone{plural}"
    return f" in the {listed(zones, 'and')} zone{plural}{_SIDE_WORDS[side]}"
