"""How screening goes here: volumes, refusals, agreement with the readers, drift, subgroups, certificates.

Pure functions of cases and decisions; the database and the page are elsewhere.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scipy.stats import ks_2samp

from cxr.operating_points import CertificateAudit, OperatingPointSet, Proportion, ScoreReference, audit_certificates
from cxr.reporting.doubt import Doubt
from cxr.worklist.cases import Case
from cxr.worklist.decisions import Decision
from cxr.worklist.local_readings import local_readings

__all__ = ["MIN_FOR_DRIFT", "Monitoring", "monitor"]


@dataclass(frozen=True)
class Agreement:
    """One finding on signed cases.

    Attributes:
        name: the finding.
        confirmed: called by the model, and signed as there.
        removed: called by the model, signed as absent.
        added: not called, signed as there.
        share: of the verdicts that were stated, those on which both agree, with its interval.
    """

    name: str
    confirmed: int
    removed: int
    added: int
    share: Proportion


def agreements(signed: Sequence[tuple[Case, Decision]], points: OperatingPointSet) -> tuple[Agreement, ...]:
    """Agreement per finding at the certified operating point, for findings that either side ever named."""
    found = []
    for name in points.label_space:
        threshold = points.threshold(name)
        pairs = [
            (threshold is not None and case.probabilities[name] > threshold, decision.verdicts[name])
            for case, decision in signed
            if name in decision.verdicts
        ]
        counts = Counter(pairs)
        if counts[True, True] + counts[True, False] + counts[False, True]:
            agreed = counts[True, True] + counts[False, False]
            share = Proportion.of(agreed, len(pairs))
            found.append(Agreement(name, counts[True, True], counts[True, False], counts[False, True], share))
    return tuple(found)


def audit_locally(signed: Sequence[tuple[Case, Decision]], points: OperatingPointSet) -> tuple[CertificateAudit, ...]:
    """The certificates on what readers stated; an image without a patient's number is its own patient."""
    if not signed:
        return ()
    read = local_readings(signed, points.label_space)
    return audit_certificates(points, read.scores, read.labels, read.patients)


MIN_FOR_DRIFT = 30
"""Screened images below which scores are not compared."""

_DRIFT_LEVEL = 0.01


@dataclass(frozen=True)
class Drift:
    """One finding's scores here against the calibration set's.

    Attributes:
        name: the finding.
        distance: largest difference of the two distribution functions (Kolmogorov-Smirnov), in [0, 1].
        p_value: after Bonferroni's correction for the number of findings.
        drifted: whether they differ at the 1 % level.
    """

    name: str
    distance: float
    p_value: float
    drifted: bool


def drifts(screened: Sequence[Case], reference: ScoreReference) -> tuple[Drift, ...]:
    """The two-sample test per finding, the largest distance first."""
    found = []
    for name, scores in reference.findings.items():
        here = [case.probabilities[name] for case in screened]
        test = ks_2samp(here, scores.sample())
        p_value = min(1.0, float(test.pvalue) * len(reference.findings))
        found.append(Drift(name, float(test.statistic), p_value, p_value < _DRIFT_LEVEL))
    return tuple(sorted(found, key=lambda drift: -drift.distance))


_AGE_BANDS = ((0, 18), (18, 40), (40, 65), (65, 200))


@dataclass(frozen=True)
class Subgroup:
    """Share referred in one group; ``flagged`` if its interval excludes the share of all."""

    attribute: str
    value: str
    referred: Proportion
    flagged: bool


def subgroups(screened: Sequence[Case]) -> tuple[Subgroup, ...]:
    """Share referred by sex, view and age, where the files say them."""
    if not screened:
        return ()
    overall = sum(case.triage == "refer" for case in screened) / len(screened)
    groups: dict[tuple[str, str], list[Case]] = {}
    for case in screened:
        for attribute, value in _attributes(case):
            groups.setdefault((attribute, value), []).append(case)
    found = []
    for (attribute, value), members in sorted(groups.items()):
        share = Proportion.of(sum(case.triage == "refer" for case in members), len(members))
        found.append(Subgroup(attribute, value, share, not share.low <= overall <= share.high))
    return tuple(found)


def _attributes(case: Case) -> list[tuple[str, str]]:
    subject = case.subject
    found = [("sex", subject.sex), ("view", subject.view)]
    if subject.age is not None:
        low, high = next((band for band in _AGE_BANDS if band[0] <= subject.age < band[1]), _AGE_BANDS[-1])
        found.append(("age", f"{low}-{high - 1}" if high < 200 else f"{low}+"))
    return [(attribute, value) for attribute, value in found if value]


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
    """Everything the audit page tells; ``drift`` is ``None`` where there is nothing to compare with.

    Attributes:
        doubtful: share of the screened films with any doubt; ``None`` without films.
        unlike: share that lies farther from the calibration's films than one in a hundred of those does.
    """

    screened: int
    doubtful: Proportion | None
    unlike: Proportion | None
    days: tuple[Day, ...]
    refusals: tuple[tuple[str, int], ...]
    signed: int
    agreement: tuple[Agreement, ...]
    drift: tuple[Drift, ...] | None
    subgroups: tuple[Subgroup, ...]
    certificate_audits: tuple[CertificateAudit, ...]


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
        doubtful=_share(screened, lambda case: bool(case.doubts)),
        unlike=_share(screened, lambda case: Doubt.OUT_OF_DISTRIBUTION in case.doubts),
        days=days(cases),
        refusals=tuple(Counter(case.refusal for case in cases if case.refusal).most_common()),
        signed=len(signed),
        agreement=agreements(signed, points),
        drift=drifts(screened, reference) if reference and len(screened) >= MIN_FOR_DRIFT else None,
        subgroups=subgroups(screened),
        certificate_audits=audit_locally(signed, points),
    )


def _share(cases: Sequence[Case], belongs: Callable[[Case], bool]) -> Proportion | None:
    return Proportion.of(sum(map(belongs, cases)), len(cases)) if cases else None


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
