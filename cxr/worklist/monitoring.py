"""How screening goes here: volumes, refusals, agreement with the readers, drift, subgroups, certificates.

Pure functions of cases and decisions; the database and the page are elsewhere.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cxr.operating_points import CertificateAudit, OperatingPointSet, ScoreReference
from cxr.worklist.agreement import Agreement, agreements, audit_locally
from cxr.worklist.case import Case
from cxr.worklist.decisions import Decision
from cxr.worklist.drift import MIN_FOR_DRIFT, Drift, drifts
from cxr.worklist.subgroups import Subgroup, subgroups

__all__ = ["Day", "Monitoring", "days", "monitor"]


@dataclass(frozen=True)
class Day:
    """Counts of one day, by the date on which cases came (UTC)."""

    date: str
    screened: int
    referred: int
    refused: int
    signed: int


@dataclass(frozen=True)
class Monitoring:
    """Everything the audit page tells; ``drift`` is ``None`` where there is nothing to compare with."""

    screened: int
    days: tuple[Day, ...]
    refusals: tuple[tuple[str, int], ...]
    signed: int
    agreement: tuple[Agreement, ...]
    drift: tuple[Drift, ...] | None
    subgroups: tuple[Subgroup, ...]
    rechecks: tuple[CertificateAudit, ...]


def monitor(
    cases: Sequence[Case],
    decisions: Mapping[str, Decision],
    *,
    points: OperatingPointSet,
    reference: ScoreReference | None,
    model_sha256: str,
) -> Monitoring:
    """All of it, for the cases of one viewer.

    Args:
        cases: of any status and model; only those of the model in use are compared with its certificates.
        decisions: case id -> last decision.
        points: certificates of the model.
        reference: scores of its calibration set.
        model_sha256: the model.
    """
    screened = [case for case in cases if case.status == "screened" and case.model_sha256 == model_sha256]
    signed = [(case, decisions[case.id]) for case in screened if case.id in decisions]
    return Monitoring(
        screened=len(screened),
        days=days(cases),
        refusals=tuple(Counter(case.refusal for case in cases if case.refusal).most_common()),
        signed=len(signed),
        agreement=agreements(signed, points),
        drift=drifts(screened, reference) if reference and len(screened) >= MIN_FOR_DRIFT else None,
        subgroups=subgroups(screened),
        rechecks=audit_locally(signed, points),
    )


def days(cases: Sequence[Case]) -> tuple[Day, ...]:
    """Volumes by day, newest first."""
    by_day: dict[str, list[Case]] = {}
    for case in cases:
        by_day.setdefault(case.added[:10], []).append(case)
    return tuple(
        Day(
            date,
            sum(case.status == "screened" for case in there),
            sum(case.triage == "refer" for case in there),
            sum(case.status == "refused" for case in there),
            sum(case.signed_by is not None for case in there),
        )
        for date, there in sorted(by_day.items(), reverse=True)
    )
