"""The finding table: the ground floor that everything else stands on, read from findings.toml and validated once.

Labels, ontology, nouns, colours and codes of a finding stand there and nowhere else; what reports call it stands in
``lexicon/*.toml``. A new finding is one table there and the terms of its concept.
"""

import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from nlp_labeler.errors import ConfigError
from nlp_labeler.faults import faults

__all__ = [
    "ANCESTORS",
    "CHESTXRAY8",
    "FINDINGS",
    "LABELS",
    "NO_FINDING",
    "PARENT",
    "Finding",
    "FindingTable",
    "descendants",
    "finding_entry",
]

_Code = tuple[str, str, str]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Finding(_Strict):
    """What is known about one finding.

    Attributes:
        parent: the group or the more general finding that it belongs to.
        noun: as a report names it, with its article: ``a pleural effusion``.
        sided: whether naming a side says anything.
        zoned: whether naming a height says anything.
        signs: lexicon concepts without a label column that a sentence on the finding may name beside it.
        colour: ``#rrggbb``, the same in overlays and pages.
        code: the concept as value, scheme and meaning.
        site: the organ it is found in, likewise.
    """

    parent: str
    noun: Annotated[str, StringConstraints(min_length=1)]
    sided: bool
    zoned: bool
    signs: tuple[str, ...] = ()
    colour: Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")]
    code: _Code
    site: _Code

    @property
    def bare_noun(self) -> str:
        """The noun without its article, as it stands after 'no'."""
        return self.noun.removeprefix("a ").removeprefix("an ")

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The colour as red, green, blue in 0..255."""
        red, green, blue = bytes.fromhex(self.colour.removeprefix("#"))
        return red, green, blue


class FindingTable(_Strict):
    """The content of a findings.toml.

    Attributes:
        labels: name -> label columns in order; ``all`` holds every finding, any other is a subset that is evaluated
            by itself.
        group: ontology node without a label column -> its parent; ``""`` at the root.
        finding: the findings, in ontology order.
    """

    labels: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]
    group: dict[str, str]
    finding: dict[str, Finding]

    @model_validator(mode="after")
    def _is_one_tree_with_a_label_each(self) -> Self:
        columns = self.labels.get("all", ())
        odd = sorted(set(columns) ^ set(self.finding))
        if odd:
            raise ValueError(f"labels.all and the findings differ in {', '.join(odd)}")
        for name, subset in self.labels.items():
            unknown = [label for label in subset if label not in columns]
            if unknown or len(set(subset)) != len(subset):
                raise ValueError(f"labels.{name} holds {', '.join(unknown) or 'a label twice'}")
        roots = [node for node, parent in self.group.items() if not parent]
        if len(roots) != 1:
            raise ValueError(f"one group must have the parent '', not {', '.join(roots) or 'none'}")
        seen: set[str] = set()
        for node, parent in self.parent.items():
            if parent is not None and parent not in seen:
                raise ValueError(f"the parent {parent!r} of {node} is no node above it")
            seen.add(node)
        for what in ("colour", "code"):
            values = [getattr(entry, what) for entry in self.finding.values()]
            twice = [name for name, entry in self.finding.items() if values.count(getattr(entry, what)) > 1]
            if twice:
                raise ValueError(f"{' and '.join(twice)} have the same {what}")
        return self

    @property
    def parent(self) -> dict[str, str | None]:
        """Parent of every ontology node, groups first; ``None`` at the root."""
        return {node: above or None for node, above in self.group.items()} | {
            name: entry.parent for name, entry in self.finding.items()
        }

    @classmethod
    def parse(cls, text: str, source: str) -> Self:
        """Read a findings.toml.

        Raises:
            ConfigError: naming every missing, unknown or invalid key.
        """
        try:
            content: dict[str, Any] = tomllib.loads(text)
            return cls.model_validate(content)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{source} is not TOML: {error}") from error
        except ValidationError as error:
            raise ConfigError(f"{source}: {faults(error)}") from error


_TABLE = FindingTable.parse(files("nlp_labeler").joinpath("findings.toml").read_text(encoding="utf-8"), "findings.toml")

FINDINGS: Mapping[str, Finding] = MappingProxyType(_TABLE.finding)
"""Every finding by its label, in ontology order."""

LABELS: tuple[str, ...] = _TABLE.labels["all"]
"""All label columns, in order."""

CHESTXRAY8: tuple[str, ...] = _TABLE.labels["chestxray8"]
"""The eight labels of ChestX-ray8, in the order of its tables."""

NO_FINDING = "No Finding"
"""The column that is 1 only where no abnormality of any kind is affirmed."""

PARENT: Mapping[str, str | None] = MappingProxyType(_TABLE.parent)
"""Parent of every ontology node; ``None`` at the root."""


def finding_entry(name: str) -> Finding:
    """What is known about a finding.

    Raises:
        ConfigError: if no such finding is in the table.
    """
    if name not in FINDINGS:
        raise ConfigError(f"no finding {name!r} in findings.toml; it holds {', '.join(FINDINGS)}")
    return FINDINGS[name]


def _above(node: str) -> Iterator[str]:
    while (parent := PARENT[node]) is not None:
        yield parent
        node = parent


ANCESTORS: Mapping[str, tuple[str, ...]] = MappingProxyType({node: tuple(_above(node)) for node in PARENT})
"""Ancestors of every node, nearest first."""


def descendants(node: str) -> tuple[str, ...]:
    """All nodes below ``node``, in tree order.

    Raises:
        KeyError: if the node is not in the ontology.
    """
    if node not in PARENT:
        raise KeyError(node)
    return tuple(other for other in PARENT if node in ANCESTORS[other])
