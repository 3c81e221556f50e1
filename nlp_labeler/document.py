"""The frozen documents that the stages hand to one another, and the result they end in.

Every offset is a half-open character interval. Offsets of sections, sentences and asserted mentions count from the
start of the report text as it was given; offsets of a plain :class:`Mention` or :class:`Verdict` count in the normal
form of its sentence, so that the analysis of a sentence does not depend on where it stands and can be remembered.
"""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from html import escape
from typing import Any

__all__ = [
    "AssertedMention",
    "Assertion",
    "Attributes",
    "Mention",
    "Report",
    "ReportLabels",
    "Section",
    "Sentence",
    "Span",
    "Status",
    "Verdict",
    "compose_report",
]


class Assertion(StrEnum):
    """What the report says about a mention."""

    AFFIRMED = "affirmed"
    NEGATED = "negated"
    UNCERTAIN = "uncertain"
    HISTORICAL = "historical"
    RESOLVED = "resolved"
    HYPOTHETICAL = "hypothetical"


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open character interval of the report text.

    Attributes:
        start: first character.
        end: one past the last character.
    """

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a report.

    Attributes:
        kind: canonical name, e.g. ``"findings"``, ``"impression"``, ``"indication"``, ``"comparison"``.
        labeled: whether all its sentences count; those of INDICATION, HISTORY, COMPARISON and TECHNIQUE do not.
        start: first character of the body, after the heading.
        end: one past the last character of the body.
        heading: first character of the heading; ``start`` where there is none.
        sifted: whether those of its sentences count that read like findings: the report has no findings section, or
            the text stands before it.
    """

    kind: str
    labeled: bool
    start: int
    end: int
    heading: int
    sifted: bool = False


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence that may be labeled.

    Attributes:
        text: the sentence as it is read: cleaned, and with its subject where that is a heading ("Heart: Enlarged.").
        start: where it begins in the report as given.
        section: kind of the section that holds it.
        origins: where every character of ``text`` stands in the report; ``None`` where it is written there as it is.
    """

    text: str
    start: int
    section: str
    origins: tuple[int, ...] | None = None

    def place(self, start: int, end: int) -> "Span":
        """The interval of the report behind a non-empty interval of the sentence."""
        if self.origins is None:
            return Span(self.start + start, self.start + end)
        places = self.origins[start:end]
        return Span(min(places), max(places) + 1)


@dataclass(frozen=True, slots=True)
class Report:
    """A report cut into sections and sentences.

    Attributes:
        text: the report as given.
        sections: all sections in order.
        sentences: the sentences that are labeled, in order.
        unread: sentences that are not, since they stand where a history stands, but may be findings.
    """

    text: str
    sections: tuple[Section, ...]
    sentences: tuple[Sentence, ...]
    unread: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class Mention:
    """A lexicon concept found in a sentence.

    Attributes:
        concept: id of the lexicon entry, e.g. ``"pleural_effusion"``.
        start: where its first word starts in the normal form of the sentence (see :mod:`nlp_labeler.words`).
        end: one past the space after its last word.
        normal: whether the words state the absence of the concept ("heart size is normal").
    """

    concept: str
    start: int
    end: int
    normal: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about a mention.

    Attributes:
        assertion: what the sentence says about it.
        rule: id of the deciding rule, engine first: ``"surface:negation.no"``.
        cue: interval of the deciding words in the normal form; ``None`` where nothing qualified the mention.
    """

    assertion: Assertion
    rule: str
    cue: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Attributes:
    """What the sentence says about a mention beside its assertion; ``None`` where it says nothing.

    Attributes:
        severity: ``"minimal"``, ``"mild"``, ``"moderate"`` or ``"severe"``.
        side: ``"left"``, ``"right"`` or ``"bilateral"``.
        zone: e.g. ``"base"``, ``"apex"``, ``"upper lobe"``, ``"hilum"``.
        change: ``"new"``, ``"stable"``, ``"improved"``, ``"worsened"`` or ``"resolved"``.
    """

    severity: str | None = None
    side: str | None = None
    zone: str | None = None
    change: str | None = None


@dataclass(frozen=True, slots=True)
class AssertedMention:
    """One mention with everything that was decided about it, and why: the evidence behind a label.

    Attributes:
        concept: id of the lexicon entry.
        finding: the label column it counts for under the policy; ``None`` where it has no column of its own.
        abnormal: whether an affirmed mention of it rules out ``No Finding`` under the policy.
        text: the mention as written.
        start: offset of the mention in the report.
        end: one past its last character.
        sentence: the sentence that holds it, as written.
        sentence_start: offset of that sentence in the report.
        section: kind of the section that holds it.
        assertion: what the report says about it.
        rule: id of the rule that decided, e.g. ``"surface:negation.no"`` or ``"graph:negation.det"``.
        cue: where the words that triggered the rule stand in the report; ``None`` where nothing did.
        severity: see :class:`Attributes`.
        side: see :class:`Attributes`.
        zone: see :class:`Attributes`.
        change: see :class:`Attributes`.
        cui: UMLS concept unique identifier, or ``None``.
        radlex: RadLex id, or ``None``.
    """

    concept: str
    finding: str | None
    abnormal: bool
    text: str
    start: int
    end: int
    sentence: str
    sentence_start: int
    section: str
    assertion: Assertion
    rule: str
    cue: Span | None = None
    severity: str | None = None
    side: str | None = None
    zone: str | None = None
    change: str | None = None
    cui: str | None = None
    radlex: str | None = None


class Status(StrEnum):
    """Whether a report was labeled, or why not."""

    OK = "ok"
    EMPTY = "empty"
    NO_LABELED_SECTION = "no labeled section"
    NOT_ENGLISH = "not English"
    NOT_UNDERSTOOD = "not understood"


@dataclass(frozen=True, slots=True)
class ReportLabels:
    """The labels of one report with their evidence.

    Attributes:
        text: the report as given.
        labels: one value for each of the 14 findings and ``No Finding``: 1 affirmed, 0 negated, -1 uncertain,
            ``None`` not mentioned (``No Finding`` is 1 or ``None``). All ``None`` where the status is not ``"ok"``.
        mentions: every mention of the labeled sections in reading order; none where the status is not ``"ok"``.
        status: whether the report was labeled, or why not.
        policy: name of the policy that aggregated the mentions.
        engine: ``"graph"`` or ``"surface"``.
        coverage: share in [0, 1] of the words of the labeled sections that stand in passages which were understood.
        unexplained: the other passages. ``No Finding`` is 1 only where hardly anything is unexplained.
    """

    text: str
    labels: dict[str, int | None]
    mentions: tuple[AssertedMention, ...] = ()
    status: Status = Status.OK
    policy: str = ""
    engine: str = ""
    coverage: float = 0.0
    unexplained: tuple[Span, ...] = ()

    def evidence(self, finding: str) -> tuple[AssertedMention, ...]:
        """The mentions that count for one label column, in reading order."""
        return tuple(mention for mention in self.mentions if mention.finding == finding)

    def _repr_html_(self) -> str:
        """What a notebook shows: every label that the report speaks of, with the sentences behind it."""
        said = {1: "affirmed", 0: "negated", -1: "uncertain"}
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{said[value]}</td>"
            f"<td>{escape('; '.join(dict.fromkeys(mention.sentence for mention in self.evidence(name))))}</td></tr>"
            for name, value in self.labels.items()
            if value is not None
        )
        head = f"<p>{escape(self.status)}, policy {escape(self.policy)}, coverage {self.coverage:.0%}</p>"
        return f"{head}<table><tr><th>label</th><th>is</th><th>sentences</th></tr>{rows}</table>"

    def to_dict(self) -> dict[str, Any]:
        """The result as plain JSON-able containers."""
        return asdict(self)

    def to_json(self) -> str:
        """The result as one line of JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)


def compose_report(findings: str | None, impression: str | None) -> str:
    """The canonical text of a report whose sections are kept in separate fields, one line each.

    Args:
        findings: text of the findings section, or nothing.
        impression: text of the impression section, or nothing.

    Returns:
        ``FINDINGS: ...``, a line break, ``IMPRESSION: ...``; empty sections are left out, ``""`` where both are empty.
    """
    parts = (("FINDINGS", findings), ("IMPRESSION", impression))
    return "\n".join(f"{title}: {body.strip()}" for title, body in parts if body and body.strip())
