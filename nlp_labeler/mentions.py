"""Stage 3, extract: the lexicon concepts that a sentence mentions."""

from functools import cache
from typing import Literal

from pydantic import Field

from nlp_labeler.document import Mention
from nlp_labeler.findings import LABELS
from nlp_labeler.lexicon.tables import Entry, Pattern, PatternIndex, Terms, compile_terms, load_table
from nlp_labeler.words import Words

__all__ = ["Concept", "concepts", "find_mentions"]

_FILES = ("findings.toml", "abnormalities.toml")
_NORMAL = "normal "


class Concept(Entry):
    """An abnormality that reports mention.

    Attributes:
        finding: the label column it counts for unless the policy says otherwise.
        abnormal: whether an affirmed mention rules out ``No Finding`` unless the policy says otherwise.
        cui: UMLS concept unique identifier.
        radlex: RadLex id.
        terms: how reports name it.
        normal_terms: how reports state its absence in so many words.
    """

    finding: Literal[LABELS] | None = None  # type: ignore[valid-type]  # a Literal over the label tuple
    abnormal: bool = True
    cui: str | None = Field(default=None, pattern=r"^C\d{7}$")
    radlex: str | None = Field(default=None, pattern=r"^RID\d+$")
    terms: Terms
    normal_terms: list[str] = Field(default_factory=list)


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
