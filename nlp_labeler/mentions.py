"""Stage 3, extract: the lexicon concepts that a sentence mentions."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from pydantic import Field

from nlp_labeler.document import Mention
from nlp_labeler.errors import ConfigError
from nlp_labeler.findings import LABELS, FindingTable
from nlp_labeler.lexicon.tables import Entry, Pattern, PatternIndex, Terms, compile_terms, load_table
from nlp_labeler.words import Words

__all__ = ["Concept", "Lexicon", "concepts", "find_mentions", "lexicon_of", "shipped_lexicon"]

_FILES = ("findings.toml", "abnormalities.toml")
_NORMAL = "normal "
_OWN = "own "


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


@dataclass(frozen=True, eq=False)
class Lexicon:
    """What reports mention, and which label column each mention counts for.

    Attributes:
        labels: label columns, in order.
        concepts: by id.
        own: concept id -> label column, where a label space of the user's own decides and no policy may.
        index: of the terms.
    """

    labels: tuple[str, ...]
    concepts: Mapping[str, "Concept"]
    own: Mapping[str, str]
    index: PatternIndex

    def find(self, words: Words) -> list[Mention]:
        """The mentions of a sentence, leftmost first; of terms that start at the same word the longest."""
        return [
            Mention(key.removeprefix(_NORMAL), start, end, normal=key.startswith(_NORMAL))
            for key, start, end in self.index.find_all(words.text, words.tokens, words.starts)
        ]

    def finding(self, concept: str, policy: Mapping[str, str]) -> str | None:
        """The label column that a concept counts for, given a policy's changes; ``None`` for none."""
        name = self.own.get(concept) or policy.get(concept, self.concepts[concept].finding)
        return name if name in self.labels else None


@cache
def concepts() -> dict[str, Concept]:
    """All concepts of the shipped lexicon by id, findings first."""
    return {key: entry for name in _FILES for key, entry in load_table(name, dict[str, Concept]).items()}


@cache
def _terms() -> list[tuple[str, Pattern]]:
    terms: list[tuple[str, Pattern]] = []
    for key, concept in concepts().items():
        terms.extend(compile_terms(_NORMAL + key, concept.normal_terms))
        terms.extend(compile_terms(key, concept.terms))
    return terms


@cache
def shipped_lexicon() -> Lexicon:
    """The lexicon under the shipped label space."""
    return Lexicon(LABELS, concepts(), {}, PatternIndex(_terms()))


def lexicon_of(table: FindingTable | None) -> Lexicon:
    """The lexicon under a label space of the user's own; ``None`` is the shipped one.

    Own terms are tried before the shipped ones of equal length. Concepts that the label space does not claim keep
    ruling out ``No Finding``.

    Raises:
        ConfigError: if a term is malformed, or a concept unknown or claimed twice.
    """
    if table is None:
        return shipped_lexicon()
    known: dict[str, Concept] = dict(concepts())
    own: dict[str, str] = {}
    terms: list[tuple[str, Pattern]] = []
    for name, entry in table.finding.items():
        for concept in entry.concepts:
            if concept not in known:
                raise ConfigError(f"finding {name}: no concept {concept!r} in the lexicon; it has {', '.join(known)}")
            if concept in own:
                raise ConfigError(f"finding {name}: the concept {concept!r} counts for {own[concept]} already")
            own[concept] = name
        if entry.terms or entry.normal_terms:
            key = _OWN + name
            known[key] = Concept(abnormal=entry.abnormal, terms=[*(entry.terms or entry.normal_terms)])
            own[key] = name
            try:
                terms.extend(compile_terms(_NORMAL + key, list(entry.normal_terms)))
                terms.extend(compile_terms(key, list(entry.terms)))
            except ConfigError as error:
                raise ConfigError(f"finding {name}: {error}") from error
    return Lexicon(table.names, known, own, PatternIndex([*terms, *_terms()]))


def find_mentions(words: Words) -> list[Mention]:
    """The mentions of a sentence by the shipped lexicon."""
    return shipped_lexicon().find(words)
