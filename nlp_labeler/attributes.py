"""Stage 5: severity, side, zone and temporal change of a mention, from the words around it."""

from collections.abc import Mapping, Sequence
from functools import cache

from nlp_labeler.document import Attributes, Mention
from nlp_labeler.lexicon.tables import Entry, PatternIndex, Terms, compile_terms, load_table
from nlp_labeler.words import Words

__all__ = ["find_attributes"]

_NONE = Attributes()
_PLACE = ("side", "zone")
_EARLIER = "earlier"  # the severity that a finding had before
_NAMES = ("severity", *_PLACE, "change")
Found = tuple[str, int, int]
"""Value, start and end of an attribute in the normal form."""


class AttributeTable(Entry):
    """Terms of every attribute value, and how places are shared between mentions; see ``attributes.toml``."""

    midline: frozenset[str]
    carriers: frozenset[str]
    coordinators: frozenset[str]
    barriers_before: frozenset[str]
    barriers_after: frozenset[str]
    new_phrase: frozenset[str]
    linking: frozenset[str]

    severity: Mapping[str, Terms]
    side: Mapping[str, Terms]
    zone: Mapping[str, Terms]
    change: Mapping[str, Terms]


@cache
def _table() -> AttributeTable:
    return load_table("attributes.toml", AttributeTable)


@cache
def _indices() -> dict[str, PatternIndex]:
    return {
        name: PatternIndex(
            [pair for value, terms in getattr(_table(), name).items() for pair in compile_terms(value, terms)]
        )
        for name in _NAMES
    }


def find_attributes(words: Words, mentions: Sequence[Mention], present: Sequence[bool]) -> list[Attributes]:
    """The attributes of every mention of a sentence; what is not ``present`` has none ("no large effusion")."""
    if not any(present):
        return [_NONE] * len(mentions)
    values: list[dict[str, str]] = [{} for _ in mentions]
    behind: set[int] = set()  # mentions whose place stands behind them, and so behind a list they may close
    for name, index in _indices().items():
        matched = index.find_all(words.text, words.tokens, words.starts)
        found = [item for item in matched if item[0] != _EARLIER]
        past = [item[1:] for item in matched if item[0] == _EARLIER]
        if not found:
            continue
        for number, mention in enumerate(mentions):
            if not present[number] or (name in _PLACE and mention.concept in _table().midline):
                continue
            left = mentions[number - 1].end if number else 0
            right = mentions[number + 1].start if number + 1 < len(mentions) else len(words.text)
            value = _before(words, mention, found, left)
            if value is None:
                value = _after(name, words, mention, found, right, past)
                if value is not None and name in _PLACE:
                    behind.add(number)
            if value is not None:
                values[number][name] = value
    _share_places(words, mentions, present, values, behind)
    return [Attributes(**value) if value else _NONE for value in values]


def _before(words: Words, mention: Mention, found: Sequence[Found], left: int) -> str | None:
    """The value inside the mention, else the nearest before it in its phrase."""
    nearest = None
    for value, start, end in found:
        if left <= start and mention.start < end <= mention.end:
            return value
        if left <= start and end <= mention.start:
            between = words.tokens[words.index(end) : words.index(mention.start)]
            if _table().barriers_before.isdisjoint(between):
                nearest = value
    return nearest


def _after(
    name: str,
    words: Words,
    mention: Mention,
    found: Sequence[Found],
    right: int,
    past: Sequence[tuple[int, int]],
) -> str | None:
    """The first value behind the mention that is said of it; what is said of the past is stepped over."""
    for value, start, end in found:
        if not (mention.end <= start and end <= right):
            continue
        between = words.tokens[words.index(mention.end) : words.index(start)]
        if not _table().barriers_after.isdisjoint(between):
            return None
        if name == "severity":
            kept = [
                token
                for number, token in enumerate(between, words.index(mention.end))
                if not any(first <= words.starts[number] < last for first, last in past)
            ]
            belongs = _table().linking.issuperset(kept)
        elif name == "change":
            belongs = True
        else:
            belongs = _table().new_phrase.isdisjoint(between) or between == (",",)
        if belongs:
            return value
    return None


def _share_places(
    words: Words,
    mentions: Sequence[Mention],
    present: Sequence[bool],
    values: Sequence[dict[str, str]],
    behind: set[int],
) -> None:
    """Give mentions without a place that of a neighbour that they interpret or are listed with."""
    table = _table()

    def placeless(number: int) -> bool:
        lacking = not any(name in values[number] for name in _PLACE)
        return lacking and present[number] and mentions[number].concept not in table.midline

    def gap(number: int) -> tuple[str, ...]:
        return words.tokens[words.index(mentions[number].end) : words.index(mentions[number + 1].start)]

    def copy(source: int, target: int) -> None:
        values[target].update({name: values[source][name] for name in _PLACE if name in values[source]})

    for number in range(len(mentions) - 1):
        if placeless(number + 1):
            between = gap(number)
            if not table.carriers.isdisjoint(between) or between in {(",",), ("and",)}:
                copy(number, number + 1)
    for number in range(len(mentions) - 2, -1, -1):
        if number + 1 in behind and placeless(number) and table.coordinators.issuperset(gap(number)):
            copy(number + 1, number)
            behind.add(number)
