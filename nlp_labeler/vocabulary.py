"""The English of chest reports, word by word: grammar, anatomy, states of health, the examination."""

import re
from functools import cache

from nlp_labeler.lexicon.tables import load_table, read_toml, spellings

__all__ = ["is_known", "word_class"]

_CLASSES = ("function", "anatomy", "normal", "report", "other", "english", "international", "foreign")
_LEXICON = ("findings.toml", "abnormalities.toml", "cues.toml", "attributes.toml", "groups.toml")
_ELEMENT = re.compile(r"[a-z]+(?:\([a-z|]*\)[a-z]*)*")


@cache
def word_class(name: str) -> frozenset[str]:
    """The words of one class of ``vocabulary.toml``."""
    return frozenset(load_table("vocabulary.toml", dict[str, str])[name].split())


@cache
def _known() -> frozenset[str]:
    words = {word for name in _CLASSES if name != "foreign" for word in word_class(name)}
    for name in _LEXICON:
        for text in _texts(read_toml(name)):
            for element in _ELEMENT.findall(text):
                words |= spellings(element)
    words.update(read_toml("spelling.toml")["words"])
    return frozenset(words)


def _texts(table: object) -> list[str]:
    """All strings in a table, however deep."""
    if isinstance(table, str):
        return [table]
    items = table.values() if isinstance(table, dict) else table if isinstance(table, list) else []
    return [text for item in items for text in _texts(item)]


def is_known(word: str) -> bool:
    """Whether a word, in lower case, is one of English chest reports."""
    return word in _known()
