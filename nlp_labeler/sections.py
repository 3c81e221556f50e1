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
_LONGEST_GAP = 20
_BLANK_BEFORE = re.compile(r"\n[ \t\r]*\n[ \t*#_>]*\Z")
_UNLISTED_HEADING = re.compile(
    r"^[ \t*#_>\u2022-]*([A-Z][A-Za-z0-9/&'()-]*(?:[ \t,]+[A-Za-z0-9/&'()-]+){0,7})[ \t*_]*:(?!\d)", re.MULTILINE
)
_UNLISTED = SectionKind(labeled=True, headings=["-"])
_FILMS = frozenset({"chest", "view"})
_SIFTED = frozenset({"indication", "history", "technique", "comparison", "report"})
_OWN_LINE_KINDS = frozenset({"findings", "impression", "indication", "history", "comparison", "technique"})
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

    A report without any heading is one labeled section of kind ``"body"``, and so is the text before the first heading.
    A report without a findings section has its findings somewhere else: in the paragraphs under COMPARISON or
    TECHNIQUE behind the first (the ``last_paragraph`` of MIMIC-CXR's own tools), or among the sentences of these, of
    INDICATION and of HISTORY, which are then sifted. A heading that no list knows is read, and ends what is not.
    """
    found = _find_headings(text)
    if not found:
        return (Section("body", True, 0, len(text), 0),)
    kept = _effective(text, found)
    if not kept:
        return (Section("body", True, 0, len(text), 0),)
    kinds = _kinds()
    stops = [heading.start for heading in kept[1:]] + [len(text)]
    explicit = any(
        heading.kind == "findings"
        or (heading.kind in _FILMS and not heading.sentence and _has_text(text, heading.end, stop))
        for heading, stop in zip(kept, stops, strict=True)
    )
    sections: list[Section] = []
    if any(character.isalnum() for character in text[: kept[0].start]):
        sections.append(Section("body", not explicit, 0, kept[0].start, 0, sifted=explicit))
    for (start, end, kind, _), stop in zip(kept, stops, strict=True):
        entry = kinds.get(kind, _UNLISTED)
        if kind == "other":
            end = start
        if entry.labeled or explicit:
            sections.append(Section(kind, entry.labeled, end, stop, start))
            continue
        if kind == "preliminary":
            sections.append(Section(kind, True, end, stop, start))
            continue
        first = _FIRST_PARAGRAPH.match(text, end, stop) if entry.body else None
        sections.append(Section(kind, False, end, first.end() if first else stop, start, sifted=kind in _SIFTED))
        if first is not None:
            sections.append(Section("body", True, first.end(), stop, first.end()))
    return tuple(sections)


class _Heading(NamedTuple):
    """Where a heading starts, where its body starts, its kind, and whether it is a sentence of its own."""

    start: int
    end: int
    kind: str
    sentence: bool = False


def _has_text(text: str, start: int, stop: int) -> bool:
    """Whether more than a title stands under a heading."""
    return len(text[start:stop].split()) > 1 and any(character.islower() for character in text[start:stop])


def _effective(text: str, found: list[_Heading]) -> list[_Heading]:
    """The headings that count where they stand."""
    kinds = _kinds()
    last_findings = max((heading.start for heading in found if heading.kind == "findings"), default=-1)
    kept: list[_Heading] = []
    for heading in found:
        entry = kinds.get(heading.kind, _UNLISTED)
        inside = kinds.get(kept[-1].kind, _UNLISTED) if kept else None
        apart = _BLANK_BEFORE.search(text, max(0, heading.start - _LONGEST_GAP), heading.start) is not None
        if kept and kept[-1].kind in entry.not_after:
            if heading.sentence or heading.kind == "elsewhere" or heading.start < last_findings:
                continue
            if not apart and (heading.kind == "chest" or kept[-1].kind == "history"):
                continue
        if heading.kind == "other" and (inside is None or inside.labeled or not apart):
            continue  # it ends nothing, and belongs to the text: "Pneumothorax: small"
        if heading.sentence and inside is not None and not inside.labeled and not inside.sentence:
            continue  # "COMPARISON: Chest. 2012." goes on being a comparison
        kept.append(heading)
    return kept


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
        if kind is not None and (match.group(1).isupper() or (kind in _OWN_LINE_KINDS and match.group(1)[0].isupper())):
            found.setdefault(match.start(1), _Heading(match.start(1), match.end(), kind))
    ends = {heading.end: heading for heading in found.values()}
    for match in _UNLISTED_HEADING.finditer(text):
        inner = ends.get(match.end())
        if inner is None or (inner.kind == "chest" and inner.start > match.start(1)):  # "AP CHEST:"
            kind = _unlisted_kind(match.group(1))
            if kind is not None:
                found[match.start(1)] = _Heading(match.start(1), match.end(), kind)
                if inner is not None:
                    del found[inner.start]
    for start, end, name in _sentence_headings(text):
        found.setdefault(start, _Heading(start, end, _headings()[name], sentence=True))
    return [found[start] for start in sorted(found)]


def _unlisted_kind(name: str) -> str | None:
    """What a heading that no list knows is about, by its words; ``None`` where it does not look like a heading."""
    words = re.findall(r"[a-z]+", name.lower())
    if not words or any(word[0].islower() for word in re.findall(r"[A-Za-z]{4,}", name)[1:]):
        return None
    for kind, entry in _kinds().items():
        if not entry.words.isdisjoint(words):
            return kind
    return "other"


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
