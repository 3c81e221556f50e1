"""Hold a generated text to what the image supports (ontology as in Chen 2019).

The text is read back by the project's own labeler. A sentence stays only if every finding it asserts is above its
operating point, it asserts nothing that the model does not score, and every side and height it names is one at which
the finding's boxes lie. Denials never stay: the report says by itself what remained below its threshold.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache

from cxr.reporting.document import (
    FindingResult,
    KeptSentence,
    RegularisedText,
    RemovalReason,
    RemovedSentence,
    Side,
    Zone,
    side_of,
    zones_of,
)
from nlp_labeler.document import AssertedMention, Assertion
from nlp_labeler.findings import ANCESTORS, FindingTable, finding_entry
from nlp_labeler.labeler import Labeler
from nlp_labeler.segmentation import segment

__all__ = ["regularise"]

_PRESENT = frozenset({Assertion.AFFIRMED, Assertion.UNCERTAIN})
_PAST = frozenset({Assertion.HISTORICAL, Assertion.RESOLVED})
_LIST_MARK = re.compile(r"^\s*\d{1,2}[.)]\s+")
_NUMBER = re.compile(r"\d")
_PLACEHOLDER = re.compile(r"x{3,}", re.IGNORECASE)
_CHANGE_WORDS = re.compile(
    r"\b(?:prior|previous(?:ly)?|earlier|interval(?!s)|unchanged|stable|again|compared|comparison|since|"
    r"new|resolved|improved|worsened|increased|decreased|persist\w*)\b",
    re.IGNORECASE,
)
_SIDE_WORDS: dict[str, frozenset[Side]] = {
    "left": frozenset({"left"}),
    "lingula": frozenset({"left"}),
    "lingular": frozenset({"left"}),
    "right": frozenset({"right"}),
    **dict.fromkeys(
        ("bilateral", "bilaterally", "bibasilar", "bibasal", "biapical", "both", "bases", "apices"),
        frozenset({"left", "right"}),
    ),
}
_WORD = re.compile(r"[a-z]+")
# The labeler's zones -> heights at which a box may lie for the word to be right.
_ZONES: dict[str, frozenset[Zone]] = {
    "upper lobe": frozenset({"upper", "mid"}),
    "apex": frozenset({"upper"}),
    "middle lobe": frozenset({"mid", "lower"}),
    "lingula": frozenset({"mid", "lower"}),
    "hilum": frozenset({"mid"}),
    "paratracheal": frozenset({"upper"}),
    "lower lobe": frozenset({"mid", "lower"}),
    "base": frozenset({"lower"}),
    "costophrenic angle": frozenset({"lower"}),
    "retrocardiac": frozenset({"mid", "lower"}),
}


def regularise(
    text: str, findings: Sequence[FindingResult], width: int, height: int, labels: FindingTable | None = None
) -> RegularisedText:
    """Keep at most one supported sentence per finding above its operating point.

    Args:
        text: a generated report.
        findings: all findings of the label space, boxes in pixels of the input.
        width: input width in pixels.
        height: input height in pixels.
        labels: the label space where it is the user's own.
    """
    fired = {finding.name: finding for finding in findings if finding.positive}
    by_sentence: dict[int, list[AssertedMention]] = defaultdict(list)
    for mention in _reader(labels and labels.model_dump_json()).label(text).mentions:
        by_sentence[mention.sentence_start].append(mention)
    kept: dict[str, KeptSentence] = {}
    removed: list[RemovedSentence] = []
    for sentence in segment(text).sentences:
        mentions = by_sentence[sentence.start]
        present = [m for m in mentions if m.assertion in _PRESENT]
        names = tuple(dict.fromkeys(m.finding for m in present if m.finding))
        reason = _fault(sentence.text, mentions, present, fired, width, height)
        if reason is None and all(name in kept for name in names):
            reason = RemovalReason.REPEATED
        if reason is not None:
            spoken = names or tuple(dict.fromkeys(m.finding for m in mentions if m.finding))
            removed.append(RemovedSentence(sentence.text, reason, spoken))
            continue
        mark = _LIST_MARK.match(sentence.text)
        bare = sentence.text[mark.end() if mark else 0 :].rstrip(". ")
        name = next(name for name in names if name not in kept)  # any other finding gets a sentence of its own
        naming = [m for m in present if m.finding == name]
        severity = next((m.severity for m in naming if m.severity), None)
        kept[name] = KeptSentence(bare, (naming[0].start, naming[0].end), severity)
    return RegularisedText(text, kept, tuple(removed))


@cache
def _reader(labels: str | None) -> Labeler:
    """The labeler by its surface engine, which the clinic's install can run, for a label space as JSON."""
    own = FindingTable.model_validate_json(labels) if labels else None
    return Labeler.load(policy="openi", engine="surface", labels=own)


def _fault(
    text: str,
    mentions: Sequence[AssertedMention],
    present: Sequence[AssertedMention],
    fired: Mapping[str, FindingResult],
    width: int,
    height: int,
) -> RemovalReason | None:
    """The first fault of a sentence; ``None`` if the image supports all of it."""
    implied = set(fired).union(*(ANCESTORS[name] for name in fired)) if fired else set()
    if any(m.finding in implied for m in mentions if m.assertion is Assertion.NEGATED):
        return RemovalReason.CONTRADICTION
    names = {m.finding for m in present if m.finding}
    if names - set(fired):
        return RemovalReason.UNSUPPORTED
    signs = {sign for name in names for sign in finding_entry(str(name)).signs}
    if any(m.finding is None and m.abnormal and m.concept not in signs for m in present):
        return RemovalReason.NOT_ASSESSED
    if any(m.assertion in _PAST or m.change for m in mentions) or _CHANGE_WORDS.search(text):
        return RemovalReason.CHANGE
    if not names:
        return RemovalReason.DENIAL if mentions else RemovalReason.UNGROUNDED
    if len(present) < len(mentions):
        return RemovalReason.DENIAL
    if _PLACEHOLDER.search(text):
        return RemovalReason.UNGROUNDED
    mark = _LIST_MARK.match(text)
    if _NUMBER.search(text, mark.end() if mark else 0):
        return RemovalReason.MEASUREMENT
    return _misplaced(text, present, [fired[str(name)] for name in names], width, height)


def _misplaced(
    text: str, present: Sequence[AssertedMention], findings: Sequence[FindingResult], width: int, height: int
) -> RemovalReason | None:
    """Whether the sentence names a place at which a finding's boxes do not lie."""
    words = set(_WORD.findall(text.lower()))
    named: set[str] = set().union(*(sides for word, sides in _SIDE_WORDS.items() if word in words))
    named |= {side for m in present for side in _SIDE_WORDS.get(m.side or "", ())}
    zones = {m.zone for m in present if m.zone in _ZONES}
    for finding in findings:
        if named:
            side = side_of(finding.boxes, width)
            if named != _SIDE_WORDS.get(side or "", frozenset()):
                return RemovalReason.WRONG_SIDE
        if finding_entry(finding.name).zoned and zones:
            at = set(zones_of(finding.boxes, height))
            if not all(at & _ZONES[str(zone)] for zone in zones):
                return RemovalReason.WRONG_ZONE
    return None
