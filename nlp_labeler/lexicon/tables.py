"""The lexicon files, validated on load, and the little language in which their terms are written.

A term is a row of elements separated by spaces, matched against the normal form of a sentence:

    ``nodule(s)``       a word; letters in parentheses may be missing
    ``opacit(y|ies)``   a word with alternatives
    ``{heart}``         any entry of a word group, itself a row of elements
    ``element?``        may be missing
    ``element*``        none to three times
    ``^``               at the beginning of the sentence
    ``$``               before punctuation or the end of the sentence
    ``...``             none to four words, but no punctuation, conjunction, negation or linking verb

Elements always match whole words. Terms are indexed by the words they can begin with, so that a sentence is scanned
once and only the terms that can start at a word are tried there.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from itertools import product
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from nlp_labeler.errors import ConfigError
from nlp_labeler.faults import faults

__all__ = [
    "Entry",
    "Pattern",
    "PatternIndex",
    "SectionKind",
    "Terms",
    "compile_term",
    "compile_terms",
    "load_table",
    "read_toml",
    "spellings",
    "validate",
]

Table = TypeVar("Table")
Terms = Annotated[list[str], Field(min_length=1)]
_NOT_BETWEEN = "and|or|nor|versus|vs|with|without|no|not|but|is|are|may|suggests?|points|indicates|means"
_ANY = rf"(?:(?!(?:{_NOT_BETWEEN}) )[^\W_]+ ){{0,4}}?"
_DEEPEST = 6
_ALWAYS = ""  # stands for the need of a term that needs no other word
_NONE: frozenset[str] = frozenset()
_EVERYWHERE = frozenset({"of", "the", "in", "is", "are", "to", "and", "for", "with", "on", "a", ",", ".", "no"})
_FREQUENT = 100
_ANCHORS = {"^": r"(?<![\s\S])", "$": r"(?=[.,;:!?)] |\Z)"}
_WORD = re.compile(
    r"\d+\.\d+|\([^\W_]+(?:\|[^\W_]+)+\)|[^\W_]+(?:\([^\W_|]*(?:\|[^\W_|]*)*\)[^\W_]*|'[^\W_]+)*|[,;:.?!/()\[\]<>=+]"
)
_CHOICE = re.compile(r"\(([^)]*)\)")


class Entry(BaseModel):
    """A table of a lexicon file: frozen, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SectionKind(Entry):
    """The headings of one kind of section.

    Attributes:
        labeled: whether its sentences count.
        headings: in lower case, without colon.
        not_after: kinds of sections inside which its headings are no headings.
        body: whether it ends at its first blank line where no findings section follows.
        sentence: whether a sentence that is nothing but one of its headings is a heading too.
        words: a heading that is not listed, but has one of these words, is of this kind.
    """

    labeled: bool
    headings: Terms
    body: bool = False
    sentence: bool = False
    not_after: list[str] = []
    words: frozenset[str] = frozenset()


def read_toml(name: str) -> dict[str, Any]:
    """The raw content of a shipped lexicon file."""
    return tomllib.loads(resources.files("nlp_labeler.lexicon").joinpath(name).read_text(encoding="utf-8"))


def load_table(name: str, kind: type[Table]) -> Table:
    """A shipped lexicon file as a validated table.

    Raises:
        ConfigError: naming every unknown key and invalid value at once.
    """
    return validate(read_toml(name), kind, name)


def validate(content: Any, kind: type[Table], source: str) -> Table:
    """``content`` as ``kind``; problems become one ConfigError that names the source."""
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        raise ConfigError(f"{source}: {faults(error)}") from error


class Pattern:
    """A compiled term.

    Attributes:
        source: regular expression over the normal form.
        first: the words a match can begin with.
        needs: sets of words, of each of which every match has one.
    """

    __slots__ = ("first", "needs", "source")

    def __init__(self, source: str, first: frozenset[str], needs: Sequence[frozenset[str]]) -> None:
        self.source = source
        self.first = first
        self.needs = needs

    def rarest(self, word: str) -> frozenset[str]:
        """Of the words that a match needs besides the one it begins with, the set that fewest sentences will have."""
        others = [need for need in self.needs if word not in need]
        return min(others, key=lambda need: len(need) + _FREQUENT * (not need.isdisjoint(_EVERYWHERE)), default=_NONE)


def compile_term(term: str, groups: Mapping[str, Sequence[str]]) -> Pattern:
    """Compile one term.

    Raises:
        ConfigError: if the term is malformed, names an unknown group, or could match nothing.
    """
    row = _sequence(term, groups, depth=0)
    if not row.needs:
        raise ConfigError(f"term {term!r} can match nothing; make one element obligatory")
    if not row.first:
        raise ConfigError(f"term {term!r} begins with '...'; begin with a word")
    return Pattern(row.source, frozenset(row.first), row.needs)


class _Row(NamedTuple):
    """A row of elements: its expression, possible first words, and needs; without needs it can be empty."""

    source: str
    first: set[str]
    needs: list[frozenset[str]]


def _sequence(term: str, groups: Mapping[str, Sequence[str]], depth: int) -> _Row:
    if depth > _DEEPEST:
        raise ConfigError(f"word groups are nested deeper than {_DEEPEST} at {term!r}; is a group inside itself?")
    sources: list[str] = []
    first: set[str] = set()
    needs: list[frozenset[str]] = []
    for element in term.split():
        if element == "...":
            sources.append(_ANY)
            if not needs:
                raise ConfigError(f"term {term!r} begins with '...'; begin with a word")
            continue
        if element in _ANCHORS:
            sources.append(_ANCHORS[element])
            continue
        body, repeat = (element[:-1], element[-1]) if element[-1] in "?*" and len(element) > 1 else (element, "")
        source, starts, needed = _element(body, term, groups, depth)
        if not needs:
            first |= starts
        if not repeat:
            needs += needed
        sources.append({"": source, "?": f"(?:{source})?", "*": f"(?:{source}){{0,3}}"}[repeat])
    return _Row("".join(sources), first, needs)


def _element(body: str, term: str, groups: Mapping[str, Sequence[str]], depth: int) -> _Row:
    if body.startswith("{") and body.endswith("}"):
        name = body[1:-1]
        if name not in groups:
            raise ConfigError(f"term {term!r} names the word group {name!r}; known groups: {', '.join(sorted(groups))}")
        parts = [_sequence(entry, groups, depth + 1) for entry in groups[name]]
        source = "(?:" + "|".join(part.source for part in parts) + ")"
        first = set().union(*(part.first for part in parts))
        if not all(part.needs for part in parts):
            return _Row(source, first, [])
        return _Row(source, first, [frozenset().union(*(min(part.needs, key=len) for part in parts))])
    if not _WORD.fullmatch(body):
        raise ConfigError(f"term {term!r} holds {body!r}, which is neither a word, a {{group}} nor '...'")
    words = spellings(body)
    choices = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return _Row(f"(?:{choices}) " if len(words) > 1 else f"{choices} ", words, [frozenset(words)])


def spellings(body: str) -> set[str]:
    """All spellings of a word with optional or alternative letters."""
    if len(body) == 1:
        return {body}
    pieces = _CHOICE.split(body)
    options: list[list[str]] = []
    for number, piece in enumerate(pieces):
        if number % 2 == 0:
            options.append([piece])
        else:
            options.append(piece.split("|") if "|" in piece else ["", piece])
    return {"".join(choice) for choice in product(*options)}


_Term = tuple[int, str, re.Pattern[str]]
"""A term: its place among all, its key, its expression."""


@cache
def _regex(source: str) -> re.Pattern[str]:
    """A compiled expression; most terms begin with any of several words and would be compiled for each."""
    return re.compile(source)


class PatternIndex:
    """Finds the longest term of many at every word of a sentence.

    Args:
        terms: pairs of a key and a compiled term; the key is what a match returns. Where two terms match the same
            words, the earlier one wins.
    """

    def __init__(self, terms: Iterable[tuple[str, Pattern]]) -> None:
        self._terms = list(terms)
        self._starting: dict[str, list[int]] = {}
        for number, (_, pattern) in enumerate(self._terms):
            for word in pattern.first:
                self._starting.setdefault(word, []).append(number)
        self._compiled: dict[str, dict[str, tuple[_Term, ...]]] = {}

    def find_all(self, text: str, words: Sequence[str], starts: Sequence[int]) -> list[tuple[str, int, int]]:
        """Every match as (key, start, end): leftmost first, longest first, without overlaps.

        Args:
            text: normal form of a sentence.
            words: its words.
            starts: where each word starts in the text.
        """
        present = {_ALWAYS, *words}
        if self._starting.keys().isdisjoint(present):
            return []
        found: list[tuple[str, int, int]] = []
        free = 0
        for word, position in zip(words, starts, strict=False):
            if position < free or word not in self._starting:
                continue
            candidates = self._compiled.get(word) or self._compile(word)
            key, end, first = "", position, 0
            for needed in candidates.keys() & present:
                for number, candidate, expression in candidates[needed]:
                    match = expression.match(text, position)
                    if match is None:
                        continue
                    reached = match.end()
                    if reached > end or (reached == end and number < first):
                        key, end, first = candidate, reached, number
            if end > position:
                found.append((key, position, end))
                free = end
        return found

    def _compile(self, word: str) -> dict[str, tuple[_Term, ...]]:
        """The terms that begin with a word, compiled when it is first met, by the words of which they need one."""
        terms: dict[str, list[_Term]] = {}
        for number in self._starting[word]:
            key, pattern = self._terms[number]
            term = number, key, _regex(pattern.source)
            for needed in pattern.rarest(word) or {_ALWAYS}:
                terms.setdefault(needed, []).append(term)
        self._compiled[word] = candidates = {needed: tuple(found) for needed, found in terms.items()}
        return candidates


@cache
def word_groups() -> dict[str, list[str]]:
    """The word groups, longer entries first so that the longest alternative is tried first."""
    groups = load_table("groups.toml", dict[str, Terms])
    return {name: sorted(entries, key=lambda entry: -len(entry.split())) for name, entries in groups.items()}


def compile_terms(key: str, terms: list[str]) -> list[tuple[str, Pattern]]:
    """Terms compiled against the shipped word groups, each with its key."""
    return [(key, compile_term(term, word_groups())) for term in terms]
