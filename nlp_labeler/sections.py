"""Stage 1: a report as sections, and which of them may be labeled."""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from nlp_labeler.document import Section
from nlp_labeler.lexicon.tables import SectionKind, load_table

__all__ = ["split_sections"]

_LONGEST_HEADING = 60
_LONGEST_HEADING_WORDS = 5
_OWN_LINE = re.compile(r"^[ \t*#_>]*([A-Za-z][A-Za-z/ ]{2,40}?)[ \t*_]*(?:[-\u2013][ \t]|$)", re.MULTILINE)
_NEVER_BEFORE_COLON = frozenset({"", ":", ".", ";", ",", "\n"})
_FIRST_PARAGRAPH = re.compile(r"\s*+(?:[ \t]*+\S[^\n]*+\n)++[ \t\r]*+\n(?=\s*+\S)")
_BEFORE_HEADING = re.compile(r"[.!?>*;|\n\r)\]}]|\d\.")


@cache
def _kinds() -> dict[str, SectionKind]:
    return load_table("sections.toml", dict[str, SectionKind])


@cache
def _own_sentence() -> re.Pattern[str]:
    """Finds sentences that are nothing but a heading: "Chest. Lungs are clear. 2. Left knee. Large osteophytes."."""
    names = sorted((name for kind in _kinds().values() if kind.sentence for name in kind.headings), key=len)
    choices = "|".join(re.escape(name) for name in reversed(names))
    return re.compile(rf"(?:^|[.:\n][ \t]*)(?:\d\.[ \t]*)?({choices})[ \t]?(?=\.\s|\d\.\s)", re.IGNORECASE)


@cache
def _headings() -> dict[str, str]:
    """Heading in lower case -> kind."""
    return {heading: kind for kind, entry in _kinds().items() for heading in entry.headings}


def split_sections(text: str) -> tuple[Section, ...]:
    """The sections of a report in order.

    A report without any heading is one labeled section of kind ``"body"``. Text before the first heading, and
    paragraphs under COMPARISON or TECHNIQUE behind the first, are labeled only where the report has no findings
    section, since they are then the findings without their heading (the ``last_paragraph`` of MIMIC-CXR's own tools).
    """
    found = _find_headings(text)
    if not found:
        return (Section("body", True, 0, len(text)),)
    kinds = _kinds()
    kept: list[_Heading] = []
    for heading in found:
        inside = kinds[kept[-1].kind] if kept else None
        if kept and kept[-1].kind in kinds[heading.kind].not_after:
            continue
        if heading.sentence and inside is not None and not inside.labeled and not inside.sentence:
            continue  # "COMPARISON: Chest. 2012." goes on being a comparison
        kept.append(heading)
    stops = [heading.start for heading in kept[1:]] + [len(text)]
    headed = any(
        kind in {"findings", "organ"} or (kind == "chest" and not sentence and text[end:stop].strip())  # no mere title
        for (_, end, kind, sentence), stop in zip(kept, stops, strict=True)
    )
    sections: list[Section] = []
    if any(character.isalnum() for character in text[: kept[0].start]):
        sections.append(Section("body", not headed, 0, kept[0].start))
    for (_, end, kind, _), stop in zip(kept, stops, strict=True):
        first = None if headed or not kinds[kind].body else _FIRST_PARAGRAPH.match(text, end, stop)
        sections.append(Section(kind, kinds[kind].labeled, end, first.end() if first else stop))
        if first is not None:
            sections.append(Section("body", True, first.end(), stop))
    return tuple(sections)


class _Heading(NamedTuple):
    """Where a heading starts, where its body starts, its kind, and whether it is a sentence of its own."""

    start: int
    end: int
    kind: str
    sentence: bool = False


def _find_headings(text: str) -> list[_Heading]:
    """The headings in order of appearance."""
    found: dict[int, _Heading] = {}
    colon = text.find(":")
    while colon != -1:
        heading = _heading_before(text, colon)
        if heading is not None:
            found[heading[0]] = _Heading(heading[0], colon + 1, heading[1])
        colon = text.find(":", colon + 1)
    for match in _OWN_LINE.finditer(text):
        kind = _headings().get(" ".join(match.group(1).lower().split()))
        if kind is not None and match.group(1).isupper():
            found.setdefault(match.start(1), _Heading(match.start(1), match.end(), kind))
    for start, end, name in _sentence_headings(text):
        found.setdefault(start, _Heading(start, end, _headings()[name], sentence=True))
    return [found[start] for start in sorted(found)]


def _sentence_headings(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and name of the headings that are sentences; several on end are a title, which heads nothing."""
    matches = list(_own_sentence().finditer(text))
    for before, match, after in zip([None, *matches], matches, [*matches[1:], None], strict=False):
        if (before is None or before.end() < match.start()) and (after is None or after.start() > match.end()):
            yield match.start(1), match.end() + (text[match.end()] == "."), match.group(1).lower()


def _heading_before(text: str, colon: int) -> tuple[int, str] | None:
    """Start and kind of the heading that ends at a colon.

    A heading stands at the start of a line or after the end of a sentence; in capitals it may stand anywhere.
    """
    if text[colon - 1 : colon] in _NEVER_BEFORE_COLON:
        return None
    left = max(0, colon - _LONGEST_HEADING)
    window = text[left:colon]
    cuts = [match.end() for match in _BEFORE_HEADING.finditer(window)]
    begin = cuts[-1] if cuts else 0
    at_boundary = bool(cuts) or left == 0
    candidate = window[begin:]
    words = list(re.finditer(r"\S+", candidate))
    if not words:
        return None
    headings = _headings()
    for number in range(max(0, len(words) - _LONGEST_HEADING_WORDS), len(words)):
        name = candidate[words[number].start() :]
        kind = headings.get(" ".join(name.lower().split()))
        if kind is None:
            continue
        if (number == 0 and at_boundary) or name.isupper():
            return left + begin + words[number].start(), kind
    return None
