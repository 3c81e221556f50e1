"""A report cut into stretches that are shown in one style each, and the evidence behind its labels in words."""

import unicodedata
from dataclasses import dataclass
from itertools import pairwise

from nlp_labeler.document import AssertedMention, ReportLabels, Span

__all__ = ["VALUE_WORDS", "Segment", "attributes_text", "printable", "segments"]

VALUE_WORDS = {1: "positive", 0: "negated", -1: "uncertain", None: "not mentioned"}
"""What a label value means."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the report that is shown in one style.

    Attributes:
        text: its characters; control characters, which could steer a terminal, are shown as U+FFFD.
        mention: the mention it belongs to, or ``None``.
        cue: whether it belongs to the words that decided about a mention.
        unexplained: whether it belongs to a passage that was not understood.
    """

    text: str
    mention: AssertedMention | None
    cue: bool
    unexplained: bool


def segments(result: ReportLabels) -> list[Segment]:
    """The whole report in order, cut wherever a mention, a cue or a passage that was not understood begins or ends."""
    text = printable(result.text)
    cues = [mention.cue for mention in result.mentions if mention.cue is not None]
    spans = [Span(mention.start, mention.end) for mention in result.mentions] + cues + list(result.unexplained)
    edges = sorted({0, len(text), *(span.start for span in spans), *(span.end for span in spans)})
    pieces: list[Segment] = []
    for start, end in pairwise(edges):
        mention = next((m for m in result.mentions if m.start <= start and end <= m.end), None)
        cue = any(c.start <= start and end <= c.end for c in cues)
        unexplained = any(span.start <= start and end <= span.end for span in result.unexplained)
        pieces.append(Segment(text[start:end], mention, cue, unexplained))
    return pieces


def printable(text: str) -> str:
    """The text with every control and format character but line feed and tab replaced, one for one."""
    return "".join("\ufffd" if unicodedata.category(c)[0] == "C" and c not in "\n\t" else c for c in text)


def attributes_text(mention: AssertedMention) -> str:
    """Severity, side, zone and change of a mention, as far as the report gives them."""
    found = (mention.severity, mention.side, mention.zone, mention.change)
    return ", ".join(value for value in found if value)
