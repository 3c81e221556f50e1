"""Label spaces: what is known about each finding, the ground floor that everything else stands on.

The shipped one is findings.toml, validated once: labels, ontology, nouns, colours and codes stand there and nowhere
else; what reports call a finding stands in ``lexicon/*.toml``. A label space of the user's own is a file of the same
form (:meth:`FindingTable.load`); datasets, runs and bundles made with it carry it along, and whoever opens one makes
its findings known to the process (:func:`register`). A name means one thing in a process.
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
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
    "NOT_ASSESSED",
    "NO_FINDING",
    "PARENT",
    "Finding",
    "FindingTable",
    "Wording",
    "descendants",
    "finding_entry",
    "register",
]

_Code = tuple[str, str, str]
_READING: dict[str, Any] = {"concepts": (), "terms": (), "normal_terms": (), "abnormal": True}
"""What a labeler alone needs: it may differ between two label spaces of one process, what is shown may not."""
_LabelName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9_-]{0,39}$")]


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
        concepts: of the shipped lexicon, that count for the finding; only in a label space of the user's own.
        terms: what else reports call it, in the language of :mod:`nlp_labeler.lexicon.tables`; likewise.
        normal_terms: how reports state its absence in so many words; likewise.
        abnormal: whether its terms rule out ``No Finding``; a device may not.
        waiting_cost: of an hour unread, as in cxr/outputs/urgency.toml, where that file does not name the finding; 1 in
            a label space of the user's own that does not say.
    """

    parent: str
    noun: Annotated[str, StringConstraints(min_length=1)]
    sided: bool
    zoned: bool
    signs: tuple[str, ...] = ()
    colour: Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")]
    code: _Code
    site: _Code
    concepts: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    normal_terms: tuple[str, ...] = ()
    abnormal: bool = True
    waiting_cost: float = Field(default=0, ge=0, allow_inf_nan=False)

    @property
    def bare_noun(self) -> str:
        """The noun without its article, as it stands after 'no'."""
        return self.noun.removeprefix("a ").removeprefix("an ")

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The colour as red, green, blue in 0..255."""
        red, green, blue = bytes.fromhex(self.colour.removeprefix("#"))
        return red, green, blue


class Wording(_Strict):
    """What reports say about the label space as a whole.

    Attributes:
        not_assessed: what a model of these labels does not look at, named in every report's note.
    """

    not_assessed: Annotated[str, StringConstraints(min_length=1)] | None = None


class FindingTable(_Strict):
    """A label space: the content of a findings.toml, or of a file of the user's own with its gaps filled from that.

    Attributes:
        labels: name -> label columns in order; ``all`` holds every finding, any other is a subset that is evaluated
            by itself.
        group: ontology node without a label column -> its parent; ``""`` at the root.
        finding: the findings, in ontology order.
        wording: what reports say about the whole.
    """

    labels: dict[str, Annotated[tuple[_LabelName, ...], Field(min_length=1)]]
    group: dict[str, str]
    finding: dict[str, Finding]
    wording: Wording = Wording()

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

    @classmethod
    def from_json(cls, text: str, source: str) -> Self:
        """Read a label space that a dataset or another product of this package carries, and register it.

        Raises:
            ConfigError: if it was altered, or a name has another meaning already.
        """
        try:
            table = cls.model_validate_json(text)
        except ValidationError as error:
            raise ConfigError(f"{source}: {faults(error)}") from error
        register(table, source)
        return table

    @property
    def names(self) -> tuple[str, ...]:
        """All label columns, in order."""
        return self.labels["all"]

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

    @classmethod
    def load(cls, path: Path) -> "FindingTable":
        """Read a label space of the user's own, and register it.

        A finding of findings.toml needs its name under ``labels`` only, and any node of that ontology may be a parent.

        Raises:
            ConfigError: naming every missing, unknown or invalid key; if a name has another meaning already.
        """
        try:
            content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else f"is not TOML: {error}"
            raise ConfigError(f"labels {path}: {reason}") from error
        own = content.get("labels")
        columns = own.get("all") if isinstance(own, dict) else None
        if not isinstance(columns, list) or not columns or not all(isinstance(name, str) for name in columns):
            raise ConfigError(f'labels {path}: needs a table [labels] with all = ["NAME", ...]')
        tables = content.get("finding", {})
        if unknown := [name for name in columns if name not in LABELS and name not in tables]:
            raise ConfigError(
                f"labels {path}: {', '.join(unknown)} has no table [finding.{unknown[0]}] and is no shipped finding; "
                f"those are {', '.join(LABELS)}"
            )
        try:
            table = cls.model_validate(_completed(content, columns))
        except ValidationError as error:
            raise ConfigError(f"labels {path}: {faults(error)}") from error
        silent = [n for n, entry in table.finding.items() if n not in LABELS and not (entry.terms or entry.concepts)]
        if silent:
            raise ConfigError(
                f"labels {path}: {', '.join(silent)} needs terms or concepts, so that reports can name it"
            )
        register(table, str(path))
        return table


def _completed(content: dict[str, Any], columns: list[str]) -> dict[str, Any]:
    """A user's own file with the findings and the part of the ontology that it takes from the shipped table."""
    own, groups = content.get("finding", {}), content.get("group", {})
    if not isinstance(own, dict) or not isinstance(groups, dict):
        return content  # told by the validation
    own = {name: {"waiting_cost": 1} | entry if isinstance(entry, dict) else entry for name, entry in own.items()}
    taken = {name: entry.model_dump() for name, entry in _TABLE.finding.items() if name in columns and name not in own}
    parents = [entry.get("parent") for entry in (*own.values(), *taken.values()) if isinstance(entry, dict)]
    needed: set[str] = set()
    for node in (*parents, *groups.values()):
        while node in _TABLE.parent and node not in needed:
            needed.add(node)
            node = _TABLE.parent[node]
    shipped = {
        node: above or ""
        for node, above in _TABLE.parent.items()
        if node in needed and node not in taken and node not in own
    }
    # Shipped findings first: an own finding may stand below one of them.
    return content | {"group": shipped | groups, "finding": taken | own}


_TABLE = FindingTable.parse(files("nlp_labeler").joinpath("findings.toml").read_text(encoding="utf-8"), "findings.toml")

_findings, _parents = dict(_TABLE.finding), dict(_TABLE.parent)
_ancestors: dict[str, tuple[str, ...]] = {}

FINDINGS: Mapping[str, Finding] = MappingProxyType(_findings)
"""Every finding known to this process by its label, the shipped ones first, in ontology order."""

LABELS: tuple[str, ...] = _TABLE.names
"""All label columns of the shipped label space, in order."""

CHESTXRAY8: tuple[str, ...] = _TABLE.labels["chestxray8"]
"""The eight labels of ChestX-ray8, in the order of its tables."""

NO_FINDING = "No Finding"
"""The column that is 1 only where no abnormality of any kind is affirmed."""

NOT_ASSESSED: str = _TABLE.wording.not_assessed or ""
"""What a model of the shipped label space does not look at."""

PARENT: Mapping[str, str | None] = MappingProxyType(_parents)
"""Parent of every ontology node; ``None`` at the root."""

ANCESTORS: Mapping[str, tuple[str, ...]] = MappingProxyType(_ancestors)
"""Ancestors of every node, nearest first."""


def _add(findings: Mapping[str, Finding], parents: Mapping[str, str | None]) -> None:
    """Parents come before their children in both."""
    _findings.update(findings)
    for node, above in parents.items():
        _parents[node] = above
        _ancestors[node] = () if above is None else (above, *_ancestors[above])


_add(_TABLE.finding, _TABLE.parent)


def register(table: FindingTable, source: str) -> None:
    """Make the findings and the ontology of a label space known to this process.

    Args:
        table: a whole label space.
        source: what to call it in an error.

    Raises:
        ConfigError: if a name means something else here already: it would be shown under another colour, code or
            noun than its own.
    """
    parents = table.parent
    shown = {name: entry.model_copy(update=_READING) for name, entry in table.finding.items()}
    other = [name for name, entry in shown.items() if name in _findings and _findings[name] != entry]
    other += [node for node, above in parents.items() if _parents.get(node, above) != above]
    if other:
        raise ConfigError(
            f"labels {source}: {', '.join(dict.fromkeys(other))} has another meaning already; choose another name, or "
            "leave out the table of a finding that is shipped"
        )
    _add(shown, parents)


def finding_entry(name: str) -> Finding:
    """What is known about a finding.

    Raises:
        ConfigError: if no such finding is known to this process.
    """
    if name not in FINDINGS:
        raise ConfigError(f"no finding {name!r} in findings.toml or an opened bundle; known are {', '.join(FINDINGS)}")
    return FINDINGS[name]


def descendants(node: str) -> tuple[str, ...]:
    """All nodes below ``node``, in tree order.

    Raises:
        KeyError: if the node is not in the ontology.
    """
    if node not in PARENT:
        raise KeyError(node)
    return tuple(other for other in PARENT if node in ANCESTORS[other])
