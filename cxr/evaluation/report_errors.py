"""The errors of a report, counted as radiologists count them: one by one, against the report it should have been.

The kinds are those by which radiologists marked generated reports for ReXVal (Yu 2023): a false finding, a missed one,
a wrong place, a wrong severity, a comparison that the reference does not make, and one that it makes and the candidate
leaves out; each is significant or not. There they are counted by hand, here from what :mod:`nlp_labeler` reads in both
texts, by the table of ``report_errors.toml``. Word overlap cannot tell these errors: turning "no effusion" into
"effusion" changes one word.

The reader of both texts is one program: what it misreads in both is not counted.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from cxr.errors import CxrError
from cxr.evaluation.bootstrap import Estimate, bootstrap, estimates
from nlp_labeler.document import AssertedMention, Assertion, ReportLabels, Status
from nlp_labeler.findings import FINDINGS, PARENT

__all__ = ["ErrorKind", "ReportError", "ReportErrorSummary", "report_errors", "summarize_errors"]

_STATED = frozenset({Assertion.AFFIRMED, Assertion.UNCERTAIN})
_SIDES = {"left": ("left",), "right": ("right",), "bilateral": ("left", "right")}
_ANYWHERE = "diffuse"


class ErrorKind(StrEnum):
    """What is wrong with a statement of a report."""

    FALSE_FINDING = "false finding"
    MISSED_FINDING = "missed finding"
    WRONG_PLACE = "wrong place"
    WRONG_SEVERITY = "wrong severity"
    FALSE_COMPARISON = "false comparison"
    OMITTED_COMPARISON = "omitted comparison"


@dataclass(frozen=True, slots=True)
class ReportError:
    """One error.

    Attributes:
        kind: what is wrong.
        finding: a finding, or the lexicon concept of an abnormality that has no label of its own.
        significant: whether it could change what is done for the patient.
        reference: what the reference says of it: ``"left"``, ``"severe"``, ``"present"``; ``""`` where it says nothing.
        candidate: what the candidate says of it.
    """

    kind: ErrorKind
    finding: str
    significant: bool
    reference: str
    candidate: str


class _Table(BaseModel):
    """The content of ``report_errors.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    minor: frozenset[str]
    severities: tuple[str, ...]
    significant_steps: int
    same_zone: tuple[frozenset[str], ...]
    same_change: tuple[frozenset[str], ...]
    important_change: frozenset[str]


@cache
def _table() -> _Table:
    text = files("cxr.evaluation").joinpath("report_errors.toml").read_text(encoding="utf-8")
    return _Table.model_validate(tomllib.loads(text))


_BySide = Mapping[str, frozenset[str]]
"""Values that were said for a side; those said without a side stand under ``""``."""


@dataclass(frozen=True)
class _Statement:
    """All that a report says of one finding that it puts before the reader."""

    sides: frozenset[str]
    zones: _BySide
    severities: _BySide
    changes: frozenset[str]

    @classmethod
    def of(cls, mentions: Sequence[AssertedMention]) -> "_Statement":
        placed = [(side, mention) for mention in mentions for side in _SIDES.get(mention.side or "", ("",))]
        keys = {side for side, _ in placed}
        zones = {key: {mention.zone for side, mention in placed if side == key and mention.zone} for key in keys}
        return cls(
            frozenset(keys - {""}),
            {key: _grouped(found, _table().same_zone) for key, found in zones.items()},
            {key: frozenset(m.severity for side, m in placed if side == key and m.severity) for key in keys},
            frozenset(mention.change for mention in mentions if mention.change),
        )


@dataclass(frozen=True)
class _Content:
    """The findings of a report by name, and those that it says are gone."""

    statements: Mapping[str, _Statement]
    resolved: frozenset[str]

    @classmethod
    def of(cls, report: ReportLabels) -> "_Content":
        if report.status is not Status.OK:
            raise CxrError(
                f"a report that was not labeled ({report.status}) cannot be compared: leave it out and count it"
            )
        stated: dict[str, list[AssertedMention]] = {}
        resolved: set[str] = set()
        for mention in report.mentions:
            name = mention.finding or (mention.concept if mention.abnormal else None)
            if name is None:
                continue
            if mention.assertion in _STATED:
                stated.setdefault(name, []).append(mention)
            elif mention.assertion is Assertion.RESOLVED:
                resolved.add(name)
        return cls({name: _Statement.of(found) for name, found in stated.items()}, frozenset(resolved - stated.keys()))


def report_errors(reference: ReportLabels, candidate: ReportLabels) -> tuple[ReportError, ...]:
    """Every error of a candidate report.

    A doubt counts as the statement that it hedges. An unspecific sign beside a finding that explains it ("opacity" and
    "pneumonia") is no error of its own; a finding instead of a more general or more special one is not significant. A
    place or severity that only one of the two names is no contradiction; a change that only one names is an omitted or
    a false comparison.

    Args:
        reference: the report as it should be.
        candidate: the report that is judged; both labeled under the same policy.

    Raises:
        CxrError: if one of them was not labeled, so that its silence means nothing.
    """
    wanted, given = _Content.of(reference), _Content.of(candidate)
    errors: list[ReportError] = []
    for name in given.statements.keys() - wanted.statements.keys():
        if not _explained(name, wanted):
            found = "absent" if name not in wanted.resolved else "resolved"
            errors.append(ReportError(ErrorKind.FALSE_FINDING, name, _matters(name, wanted), found, "present"))
    for name in wanted.statements.keys() - given.statements.keys():
        if not _explained(name, given):
            found = "" if name not in given.resolved else "resolved"
            errors.append(ReportError(ErrorKind.MISSED_FINDING, name, _matters(name, given), "present", found))
    for name in wanted.statements.keys() & given.statements.keys():
        errors.extend(_contradictions(name, wanted.statements[name], given.statements[name]))
    left_out = wanted.resolved - given.resolved - given.statements.keys()
    errors.extend(ReportError(ErrorKind.OMITTED_COMPARISON, name, False, "resolved", "") for name in left_out)
    made_up = given.resolved - wanted.resolved - wanted.statements.keys()
    errors.extend(ReportError(ErrorKind.FALSE_COMPARISON, name, False, "", "resolved") for name in made_up)
    order = list(ErrorKind)
    return tuple(sorted(errors, key=lambda error: (order.index(error.kind), error.finding)))


def _explained(name: str, other: _Content) -> bool:
    """Whether a concept without a label is a sign of what the other report names."""
    return any(name in FINDINGS[finding].signs for finding in other.statements if finding in FINDINGS)


def _matters(name: str, other: _Content) -> bool:
    related = any(name in _line(finding) or finding in _line(name) for finding in other.statements)
    return name not in _table().minor and not related


def _line(name: str) -> list[str]:
    """The nodes above a finding."""
    above: list[str] = []
    parent = PARENT.get(name)
    while parent is not None:
        above.append(parent)
        parent = PARENT.get(parent)
    return above


def _contradictions(name: str, wanted: _Statement, given: _Statement) -> list[ReportError]:
    table = _table()
    errors: list[ReportError] = []

    def add(kind: ErrorKind, significant: bool, reference: frozenset[str], candidate: frozenset[str]) -> None:
        errors.append(ReportError(kind, name, significant, _words(reference), _words(candidate)))

    if wanted.sides and given.sides and wanted.sides != given.sides:
        add(ErrorKind.WRONG_PLACE, name not in table.minor, wanted.sides, given.sides)
    else:
        for right, other in _differing(wanted.zones, given.zones):
            if _ANYWHERE not in right | other:
                add(ErrorKind.WRONG_PLACE, False, right, other)
    for right, other in _differing(wanted.severities, given.severities):
        places = [[table.severities.index(value) for value in values] for values in (right, other - right)]
        steps = max(min(abs(place - reference) for reference in places[0]) for place in places[1])
        significant = steps >= table.significant_steps and name not in table.minor
        add(ErrorKind.WRONG_SEVERITY, significant, right, other)
    if given.changes - wanted.changes:
        opposed = not _grouped(wanted.changes, table.same_change) & _grouped(given.changes, table.same_change)
        significant = bool(wanted.changes) and opposed
        add(ErrorKind.FALSE_COMPARISON, significant, wanted.changes, given.changes)
    elif wanted.changes and not given.changes:
        add(ErrorKind.OMITTED_COMPARISON, bool(wanted.changes & table.important_change), wanted.changes, given.changes)
    return errors


def _differing(wanted: _BySide, given: _BySide) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
    """Per side, what the reference says and what the candidate says, where that holds something that is not in it."""
    seen: set[tuple[frozenset[str], frozenset[str]]] = set()
    for side, values in given.items():
        anywhere: frozenset[str] = frozenset().union(*wanted.values())
        right = (wanted.get(side) if side else None) or anywhere
        if right and values - right and (right, values) not in seen:
            seen.add((right, values))
            yield right, values


def _words(values: frozenset[str]) -> str:
    return " and ".join(sorted(values))


def _grouped(values: frozenset[str] | set[str], groups: Sequence[frozenset[str]]) -> frozenset[str]:
    """Every value, under the first name of the group that it belongs to."""
    return frozenset(next((min(group) for group in groups if value in group), value) for value in values)


@dataclass(frozen=True)
class ReportErrorSummary:
    """Errors per report over N reports, with 95 % intervals.

    Attributes:
        n_reports: reports compared.
        n_patients: their patients, which the intervals resample.
        by_kind: errors of each kind per report.
        significant_by_kind: the significant ones among them.
        total: errors per report.
        significant: significant errors per report.
        free: share in [0, 1] of the reports without a significant error.
    """

    n_reports: int
    n_patients: int
    by_kind: Mapping[ErrorKind, Estimate]
    significant_by_kind: Mapping[ErrorKind, Estimate]
    total: Estimate
    significant: Estimate
    free: Estimate


def summarize_errors(
    errors: Sequence[Sequence[ReportError]],
    patients: Sequence[str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> ReportErrorSummary:
    """Errors per report with intervals from a bootstrap of the patients.

    Args:
        errors: those of each of N reports.
        patients: (N,) whose reports they are; ``None`` where every report is a patient's only one.
        resamples: of the patients.
        seed: makes the intervals repeatable.

    Raises:
        CxrError: if there are no reports, or not one patient for each.
    """
    groups = list(patients) if patients is not None else [str(number) for number in range(len(errors))]
    if not errors or len(groups) != len(errors):
        raise CxrError(
            f"{len(errors)} compared reports of {len(groups)} patients; give at least one, and a patient for each"
        )
    kinds = list(ErrorKind)
    counts = np.zeros((len(errors), 2 * len(kinds)))
    for number, found in enumerate(errors):
        for error in found:
            counts[number, kinds.index(error.kind)] += 1
            counts[number, len(kinds) + kinds.index(error.kind)] += error.significant
    significant = counts[:, len(kinds) :].sum(axis=1)
    columns = np.column_stack([counts, counts[:, : len(kinds)].sum(axis=1), significant, significant == 0])

    def means(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        return weights @ columns / weights.sum(axis=1, keepdims=True)

    values = estimates(bootstrap(means, groups, resamples, seed))
    return ReportErrorSummary(
        len(errors),
        len(set(groups)),
        dict(zip(kinds, values[: len(kinds)], strict=True)),
        dict(zip(kinds, values[len(kinds) : 2 * len(kinds)], strict=True)),
        *values[2 * len(kinds) :],
    )
