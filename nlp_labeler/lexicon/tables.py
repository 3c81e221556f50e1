"""Loads the lexicon files, validates them, and compiles their terms."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from nlp_labeler.document import Assertion
from nlp_labeler.errors import ConfigError
from nlp_labeler.faults import faults
from nlp_labeler.findings import LABELS
from nlp_labeler.lexicon.patterns import Pattern, compile_term

__all__ = [
    "AttributeTable",
    "Concept",
    "Cue",
    "Scope",
    "SectionKind",
    "compile_terms",
    "load_table",
    "validate",
]

Table = TypeVar("Table")
Terms = Annotated[list[str], Field(min_length=1)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Concept(_Entry):
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
    normal_terms: list[str] = []


class Cue(_Entry):
    """Words that decide the assertion of the mentions in their scope; a pseudo cue decides nothing.

    Attributes:
        assertion: what it says about them.
        direction: where its scope lies.
        reach: ``"phrase"`` ends at a comma or conjunction; ``"clause"`` runs along lists.
        terms: the words.
    """

    assertion: Assertion | None = None
    direction: Literal["forward", "backward", "both"] = "forward"
    reach: Literal["phrase", "clause"] = "clause"
    terms: Terms


class Scope(_Entry):
    """Single words at which scopes end; see the comments of ``scope.toml``."""

    fresh_starts: frozenset[str]
    joiners: frozenset[str]
    verbs: frozenset[str]
    linked_with: frozenset[str]


class SectionKind(_Entry):
    """The headings of one kind of section.

    Attributes:
        labeled: whether its sentences count.
        headings: in lower case, without colon.
        not_after: kinds of sections inside which its headings are no headings.
        body: whether it ends at its first blank line where no findings section follows.
        sentence: whether a sentence that is nothing but one of its headings is a heading too.
    """

    labeled: bool
    headings: Terms
    body: bool = False
    sentence: bool = False
    not_after: list[str] = []


class AttributeTable(_Entry):
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


@cache
def word_groups() -> dict[str, list[str]]:
    """The word groups, longer entries first so that the longest alternative is tried first."""
    groups = load_table("groups.toml", dict[str, Terms])
    return {name: sorted(entries, key=lambda entry: -len(entry.split())) for name, entries in groups.items()}


def compile_terms(key: str, terms: list[str]) -> list[tuple[str, Pattern]]:
    """Terms compiled against the shipped word groups, each with its key."""
    return [(key, compile_term(term, word_groups())) for term in terms]
