"""The worklist: who comes first, at the chosen operating point."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app.operating_choice import Policy
from app.rendering import Texts, data_address, render
from cxr.operating_points import ANY_FINDING
from cxr.outputs.urgency import waiting_costs
from cxr.outputs.words import finding_title
from cxr.worklist.cases import Case

__all__ = ["FILTERS", "SHOWN", "Row", "counts_of", "rows_of", "state_of", "worklist_html"]

FILTERS = ("all", "refer", "read", "none", "refused", "open", "signed", "flagged")
"""What the list can be narrowed to; keys of the texts in ``[filter]``."""

SHOWN = 100
"""Rows in the page at once."""

_ORDER = {"refer": 0, "read": 1, "none": 2, "refused": 3, "screening": 4, "waiting": 5}
_FINDINGS_SHOWN = 3


@dataclass(frozen=True)
class Row:
    """One case as listed.

    Attributes:
        case: the case.
        state: ``refer``, ``read``, ``none``, ``refused``, ``screening`` or ``waiting``.
        findings: flagged findings, the most probable first, with their probabilities.
        urgency: expected cost of an hour's wait (:mod:`cxr.outputs.urgency`).
    """

    case: Case
    state: str
    findings: tuple[tuple[str, float], ...]
    urgency: float

    def matches(self, words: str) -> bool:
        """Whether file, patient or findings hold every one of the words; case does not matter."""
        names = " ".join(finding_title(name) for name, _ in self.findings)
        text = f"{self.case.name} {self.case.subject.patient or ''} {names} {self.case.refusal or ''}".lower()
        return all(word in text for word in words.lower().split())

    def belongs_to(self, kind: str) -> bool:
        """Whether the row is of a kind of :data:`FILTERS`."""
        if kind == "open":
            return self.case.status == "screened" and not self.case.signed_by
        if kind == "signed":
            return self.case.signed_by is not None
        if kind == "flagged":
            return self.case.flagged
        return kind in ("all", self.state)


def rows_of(cases: Sequence[Case], policy: Policy) -> list[Row]:
    """All cases: to refer, to read, below threshold, each by urgency; refused, waiting; signed ones after unsigned."""
    return sorted(
        (_row(case, policy) for case in cases),
        key=lambda row: (row.case.signed_by is not None, _ORDER[row.state], -row.urgency),
    )


def counts_of(rows: Sequence[Row]) -> tuple[Counter[str], Counter[str]]:
    """How many cases are in each state, and above the threshold of each finding and of any."""
    states = Counter(row.state for row in rows)
    flagged = Counter(name for row in rows for name, _ in row.findings)
    flagged[ANY_FINDING] = states["refer"]
    return states, flagged


def worklist_html(
    rows: Sequence[Row],
    texts: Texts,
    *,
    kind: str,
    words: str,
    chosen: str | None,
    thumbnails: Callable[[list[str]], Mapping[str, bytes]],
) -> str:
    """The list, narrowed.

    Args:
        rows: all of the visitor's, sorted.
        texts: words of the page.
        kind: one of :data:`FILTERS`.
        words: searched for.
        chosen: id of the case that is open.
        thumbnails: gives the thumbnails of some cases.
    """
    matching = [row for row in rows if row.belongs_to(kind) and row.matches(words)]
    shown = matching[:SHOWN]
    pictures = thumbnails([row.case.id for row in shown])
    states, _ = counts_of(rows)
    return render(
        "worklist.html.j2",
        texts,
        rows=shown,
        findings_shown=_FINDINGS_SHOWN,
        pictures={case_id: data_address(content, "image/jpeg") for case_id, content in pictures.items()},
        matching=len(matching),
        total=len(rows),
        states=states,
        done=len(rows) - states["waiting"] - states["screening"],
        chosen=chosen,
    )


def state_of(case: Case, policy: Policy) -> str:
    """Triage of a screened case at the chosen operating point.

    A doubtful one is never below threshold, and at the certified point one is referred that screening referred: by a
    certificate of a named finding, which depends on the view.
    """
    if policy.choice.mode == "certified" and case.triage == "refer":
        return "refer"
    state = policy.triage(case.probabilities)
    return "read" if state == "none" and case.doubts else state


def _row(case: Case, policy: Policy) -> Row:
    if case.status != "screened":
        return Row(case, case.status, (), 0.0)
    flagged = policy.flagged(case.probabilities)
    return Row(
        case,
        state_of(case, policy),
        tuple((name, case.probabilities[name]) for name in flagged),
        waiting_costs().of(case.probabilities),
    )
