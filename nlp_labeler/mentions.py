"""Stage 3, extract: the lexicon concepts that a sentence mentions."""

from functools import cache

from nlp_labeler.document import Mention
from nlp_labeler.lexicon.patterns import Pattern, PatternIndex
from nlp_labeler.lexicon.tables import Concept, compile_terms, load_table
from nlp_labeler.words import Words

__all__ = ["concepts", "find_mentions"]

_FILES = ("findings.toml", "abnormalities.toml")
_NORMAL = "normal "


@cache
def concepts() -> dict[str, Concept]:
    """All concepts of the lexicon by id, findings first."""
    return {key: entry for name in _FILES for key, entry in load_table(name, dict[str, Concept]).items()}


@cache
def _index() -> PatternIndex:
    terms: list[tuple[str, Pattern]] = []
    for key, concept in concepts().items():
        terms.extend(compile_terms(_NORMAL + key, concept.normal_terms))
        terms.extend(compile_terms(key, concept.terms))
    return PatternIndex(terms)


def find_mentions(words: Words) -> list[Mention]:
    """The mentions of a sentence, leftmost first; of terms that start at the same word the longest."""
    return [
        Mention(key.removeprefix(_NORMAL), start, end, normal=key.startswith(_NORMAL))
        for key, start, end in _index().find_all(words.text, words.tokens, words.starts)
    ]
