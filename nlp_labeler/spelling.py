"""Mends misspelt clinical words: one insertion, deletion, substitution or transposition away from a long known word.

Long clinical words are so far apart that a single slip cannot turn one into another; the few everyday words that lie
one slip away from one are listed as exceptions. Known words are indexed by all their single deletions (Garbe's
symmetric deletion), so that a word costs a handful of dictionary look-ups.
"""

import tomllib
from functools import cache
from importlib import resources

__all__ = ["mend"]

_SHORTEST = 7


@cache
def _known() -> tuple[frozenset[str], dict[str, str], dict[str, str]]:
    """Known words, their single deletions, and the listed misspellings."""
    text = resources.files("nlp_labeler.lexicon").joinpath("spelling.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    words = frozenset(table["words"]) | frozenset(table["exceptions"])
    deletions: dict[str, str] = {}
    for word in table["words"]:
        for shorter in _deletions(word):
            deletions.setdefault(shorter, word)
    return words, deletions, table["misspellings"]


def _deletions(word: str) -> list[str]:
    return [word[:i] + word[i + 1 :] for i in range(len(word))]


def mend(word: str) -> str:
    """The known word that ``word`` (lower case) is a misspelling of, or ``word`` itself."""
    words, deletions, misspellings = _known()
    if word in misspellings:
        return misspellings[word]
    if len(word) < _SHORTEST or word in words:
        return word
    if word in deletions:
        return deletions[word]
    for shorter in _deletions(word):
        if shorter in words and len(shorter) >= _SHORTEST:
            return shorter
        if shorter in deletions:
            return deletions[shorter]
    return word
