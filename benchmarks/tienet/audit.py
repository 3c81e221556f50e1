"""Faults of final reports: does the text claim more than the scores and boxes carry?

No code is shared with the regulariser in cxr.reporting, but the labeler's lexicon is: the text is read by the graph
engine, where the regulariser uses the surface engine. Sides are checked box by box.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cxr.localization import Box
from nlp_labeler.document import AssertedMention, Assertion, ReportLabels
from nlp_labeler.findings import ANCESTORS, NO_FINDING

__all__ = ["ReportAudit", "audit_report", "total"]

_ASSERTED = frozenset({Assertion.AFFIRMED, Assertion.UNCERTAIN})
_LEFT = re.compile(r"\bleft\b|\blingula", re.IGNORECASE)
_RIGHT = re.compile(r"\bright\b", re.IGNORECASE)
_BOTH = re.compile(r"\bbilateral|\bbibas|\bbiapical|\bboth\b", re.IGNORECASE)
# Of the image width: a box that reaches less than this beyond the middle does not lie on that side.
_REACH = 0.02


@dataclass(frozen=True)
class ReportAudit:
    """Faults of one report, or of many together.

    Attributes:
        unsupported: sentences that assert a finding whose operating point did not fire.
        ontology: sentences that deny a finding, or an ancestor of one, that another sentence asserts; a report that
            asserts a finding and reads as No Finding counts too.
        sides: sentences that name a side on which no box of the asserted finding lies.
        missing: findings that fired and are not asserted.
    """

    unsupported: int
    ontology: int
    sides: int
    missing: int


def total(audits: Iterable[ReportAudit]) -> ReportAudit:
    """The sum of many audits."""
    kept = list(audits)
    return ReportAudit(
        unsupported=sum(a.unsupported for a in kept),
        ontology=sum(a.ontology for a in kept),
        sides=sum(a.sides for a in kept),
        missing=sum(a.missing for a in kept),
    )


def audit_report(labels: ReportLabels, fired: Mapping[str, Sequence[Box]], width: int) -> ReportAudit:
    """Compare a report, as a labeler read it, with what fired.

    Args:
        labels: of the report's final text.
        fired: finding above its operating point -> its boxes in pixels of the input.
        width: input width in pixels.
    """
    asserted: dict[int, set[str]] = {}
    for mention in labels.mentions:
        if mention.assertion in _ASSERTED and mention.finding:
            asserted.setdefault(mention.sentence_start, set()).add(mention.finding)
    everything = set().union(*asserted.values()) if asserted else set()
    above = everything.union(*(ANCESTORS[name] for name in everything)) if everything else set()
    denying = {m.sentence_start for m in labels.mentions if m.assertion is Assertion.NEGATED and m.finding in above}
    return ReportAudit(
        unsupported=sum(bool(names - set(fired)) for names in asserted.values()),
        ontology=len(denying) + int(bool(everything) and labels.labels.get(NO_FINDING) == 1),
        sides=sum(_wrong_side(labels.mentions, start, names, fired, width) for start, names in asserted.items()),
        missing=len(set(fired) - everything),
    )


def _wrong_side(
    mentions: Sequence[AssertedMention], start: int, names: set[str], fired: Mapping[str, Sequence[Box]], width: int
) -> bool:
    """Whether a sentence claims a side on which none of its findings' boxes lies."""
    sentence = next(m.sentence for m in mentions if m.sentence_start == start)
    both = bool(_BOTH.search(sentence))
    left, right = both or bool(_LEFT.search(sentence)), both or bool(_RIGHT.search(sentence))
    boxes = [box for name in names for box in fired.get(name, ())]
    # The patient's left is on the right of the image.
    on_left = any(box.x + box.width > width * (0.5 + _REACH) for box in boxes)
    on_right = any(box.x < width * (0.5 - _REACH) for box in boxes)
    return (left and not on_left) or (right and not on_right)
