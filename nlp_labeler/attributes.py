"""Stage 5: severity, side, zone and temporal change of a mention, from the words around it."""

from collections.abc import Sequence
from functools import cache

from nlp_labeler.document import Attributes, Mention
from nlp_labeler.lexicon.patterns import PatternIndex
from nlp_labeler.lexicon.tables import AttributeTable, compile_terms, load_table
from nlp_labeler.words import Words

__all__ = ["find_attributes"]

_NONE = Attributes()
_NAMES = ("severity", "side", "zone", "change")
# Words that may not stand between an attribute and the mention it is said of.
_BARRIERS_BEFORE = frozenset(
    {",", ";", ".", ":", "and", "or", "with", "without", "is", "are", "in", "of", "but", "versus", "/"}
)
_BARRIERS_AFTER = frozenset({";", ".", ":", "but", "without", "no"})
_LINKING = frozenset(
    {"is", "are", "appears", "appear", "remains", "remain", "has", "have", "been", ",", "which", "again", "was"}
)


@cache
def _indices() -> dict[str, PatternIndex]:
    table = load_table("attributes.toml", AttributeTable)
    return {
        name: PatternIndex(
            [pair for value, terms in getattr(table, name).items() for pair in compile_terms(value, terms)]
        )
        for name in _NAMES
    }


def find_attributes(words: Words, mentions: Sequence[Mention], present: Sequence[bool]) -> list[Attributes]:
    """The attributes of every mention of a sentence; what is not ``present`` has none ("no large effusion")."""
    if not any(present):
        return [_NONE] * len(mentions)
    values: list[dict[str, str]] = [{} for _ in mentions]
    for name, index in _indices().items():
        found = index.find_all(words.text, words.tokens, words.starts)
        if not found:
            continue
        for number, mention in enumerate(mentions):
            if not present[number]:
                continue
            left = mentions[number - 1].end if number else 0
            right = mentions[number + 1].start if number + 1 < len(mentions) else len(words.text)
            value = _nearest(name, words, mention, found, left, right)
            if value is not None:
                values[number][name] = value
    return [Attributes(**value) if value else _NONE for value in values]


def _nearest(
    name: str,
    words: Words,
    mention: Mention,
    found: Sequence[tuple[str, int, int]],
    left: int,
    right: int,
) -> str | None:
    """The value inside the mention, else nearest before it in its phrase, else after it."""
    before = after = inside = None
    for value, start, end in found:
        if mention.start <= start and end <= mention.end:
            inside = inside or value
        elif left <= start and end <= mention.start:
            if not _BARRIERS_BEFORE.intersection(words.tokens[words.index(end) : words.index(mention.start)]):
                before = value
        elif mention.end <= start and end <= right and after is None:
            between = words.tokens[words.index(mention.end) : words.index(start)]
            loose = name in {"side", "zone", "change"}
            if not _BARRIERS_AFTER.intersection(between) and (loose or _LINKING.issuperset(between)):
                after = value
    return inside or before or after
