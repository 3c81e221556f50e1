"""Site acceptance: which promises hold at this hospital, which it must withdraw, and what holds here instead.

Local patients, in the order in which they were read, re-test every promise by :mod:`cxr.operating_points.betting`, so
that a hospital may look after every film. Each patient counts once per promise, with the first film of the class that
the promise is about.

- *confirmed*: the error rate is proven to be within the limit. With probability ``1 - delta`` every promise that is
  ever confirmed is kept here: the promises share delta, because a false confirmation harms patients.
- *withdrawn*: so many errors contradict the promise. A promise that is kept is ever withdrawn with probability at most
  delta; each has its own delta, because a promise that is wrongly withdrawn costs a new fit and no patient. It goes
  before a confirmation, and is never taken back.
- *open*: neither, with the number of further patients that would settle it if they erred as those before.

The patients must be a fair sample: all that came, or drawn by lot, never those alone whom the model flagged.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr.errors import OperatingPointError
from cxr.operating_points.betting import (
    further_patients,
    largest_confirming,
    log_against_high,
    log_against_low,
    rate_interval,
)
from cxr.operating_points.calibration_data import (
    calibration_sha256,
    check_calibration_data,
    patient_codes,
    patient_labels,
    patient_score,
)
from cxr.operating_points.certificate import Certificate, CertificateRefusal, Criterion, OperatingPoint, Proportion
from cxr.operating_points.certificate_audit import ANY_FINDING
from cxr.operating_points.operating_point_set import OperatingPointSet
from cxr.operating_points.two_sided import LevelPoint, TwoSidedCertificates, target_score

__all__ = [
    "Promise",
    "PromiseTest",
    "SiteVerdict",
    "local_points",
    "promises_of",
    "retest_promises",
    "without_withdrawn",
]

SiteVerdict = Literal["confirmed", "open", "withdrawn"]
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Promise:
    """One certificate that is in use.

    Attributes:
        name: of the finding or target, with its view where views are told apart.
        kind: ``positive`` and ``cleared`` of the operating points, ``refer`` and ``below`` of two-sided certificates.
        certificate: what was promised.
        findings: any of which counts.
        view: of the films it is about; ``None`` for all.
    """

    name: str
    kind: Literal["positive", "cleared", "refer", "below"]
    certificate: Certificate
    findings: tuple[str, ...]
    view: str | None = None

    def scores(self, probabilities: _Floats) -> _Floats:
        """What its threshold is compared with: (N, F) probabilities of its findings to (N,)."""
        return patient_score(probabilities) if self.kind in ("positive", "cleared") else target_score(probabilities)


def promises_of(points: OperatingPointSet, two_sided: TwoSidedCertificates | None = None) -> tuple[Promise, ...]:
    """Every certificate in use; what was refused promises nothing."""
    found = []
    for name in (*points.label_space, ANY_FINDING):
        findings = points.label_space if name == ANY_FINDING else (name,)
        of_name = (
            (points.patient_level, points.patient_rule_out)
            if name == ANY_FINDING
            else (points.findings[name], points.rule_out[name])
        )
        for kind, point in zip(("positive", "cleared"), of_name, strict=True):
            if isinstance(point, Certificate):
                found.append(Promise(name, kind, point, findings))  # type: ignore[arg-type]  # one of the kinds
    for p in two_sided.points if two_sided else ():
        level = two_sided.refer_limit if p.rule == "refer" else two_sided.miss_limit  # type: ignore[union-attr]
        if isinstance(p.point, Certificate) and p.point.limit == level:
            name = f"{p.target}, {p.view}" if p.view else p.target
            found.append(Promise(name, p.rule, p.point, two_sided.targets[p.target], p.view))  # type: ignore[union-attr]
    return tuple(found)


@dataclass(frozen=True)
class PromiseTest:
    """One promise on local patients.

    Attributes:
        promise: what was tested.
        verdict: see the module.
        errors: patients for whom it erred.
        n: patients whom it is about, one film each.
        low: lower end of the error rate's interval, valid at all times with confidence ``1 - delta``.
        high: upper end.
        settled_after: how many of the n had been read when the verdict fell; ``None`` while it is open.
        missing: further such patients until it falls, if they err at the rate seen so far; ``None`` where a million
            do not suffice, 0 unless it is open.
        heading: the verdict that those would bring.
        missing_films: ``missing`` as films, of which only some are of patients whom the promise is about.
    """

    promise: Promise
    verdict: SiteVerdict
    errors: int
    n: int
    low: float
    high: float
    settled_after: int | None
    missing: int | None
    heading: SiteVerdict
    missing_films: int | None

    def as_dict(self) -> dict[str, object]:
        """The test as JSON holds it; the promise by name, kind, limit and threshold."""
        certificate = self.promise.certificate
        promise = {"name": self.promise.name, "kind": self.promise.kind, "criterion": certificate.criterion}
        fields = {key: value for key, value in vars(self).items() if key != "promise"}
        return promise | {"limit": certificate.limit, "threshold": certificate.threshold} | fields


def retest_promises(
    promises: Sequence[Promise],
    label_space: Sequence[str],
    scores: ArrayLike,
    labels: ArrayLike,
    patients: Sequence[str],
    views: Sequence[str] | None = None,
    delta: float = 0.05,
) -> tuple[PromiseTest, ...]:
    """Re-test promises on local films.

    Args:
        promises: named before the films were looked at.
        label_space: C names, in the order of the columns.
        scores: (N, C) probabilities of the same model, in the order in which the films were read.
        labels: (N, C) 1, 0, or NaN where unknown.
        patients: (N,) patient of each film; none of the calibration patients.
        views: (N,) view of each film, for promises about one view.
        delta: see the module, in (0, 1).

    Raises:
        OperatingPointError: if shapes disagree, a value is out of range, or a promise needs a finding or view that
            is not there.
    """
    s, y = check_calibration_data(scores, labels, patients, label_space)
    if not 0 < delta < 1:
        raise OperatingPointError(f"delta is {delta}; it must lie strictly between 0 and 1")
    if views is not None and len(views) != len(s):
        raise OperatingPointError(f"{len(views)} views for {len(s)} films")
    codes = patient_codes(patients)
    confirm, withdraw = math.log(len(promises) / delta) if promises else 0.0, -math.log(delta)
    tests = []
    for promise in promises:
        missing = [name for name in promise.findings if name not in label_space]
        if missing:
            raise OperatingPointError(f"the promise on {promise.name} needs scores of {missing[0]}; there are none")
        if promise.view is not None and views is None:
            raise OperatingPointError(f"the promise on {promise.name} is about one view; the views are not known")
        columns = [label_space.index(name) for name in promise.findings]
        there = patient_labels(y[:, columns])
        eligible = there == (0 if promise.certificate.criterion == "false_positive_rate" else 1)
        if promise.view is not None:
            eligible &= np.asarray(views) == promise.view
        films = _first_films(eligible, codes)
        wrong = _errs(promise.certificate, promise.scores(s[films][:, columns]))
        tests.append(_test(promise, wrong, len(s), delta, confirm, withdraw))
    return tuple(tests)


def _first_films(eligible: NDArray[np.bool_], codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first eligible film of each patient, in the order of the films: which it is does not depend on later ones."""
    films = np.flatnonzero(eligible)
    return np.sort(films[np.unique(codes[films], return_index=True)[1]])


def _errs(certificate: Certificate, scores: _Floats) -> NDArray[np.bool_]:
    above = certificate.criterion == "false_positive_rate"
    return scores > certificate.threshold if above else scores < certificate.threshold


def _test(
    promise: Promise, wrong: NDArray[np.bool_], films: int, delta: float, confirm: float, withdraw: float
) -> PromiseTest:
    n, errors, limit = len(wrong), int(wrong.sum()), promise.certificate.limit
    seen, so_far = np.arange(1, n + 1), np.cumsum(wrong)
    reached: dict[SiteVerdict, NDArray[np.int64]] = {
        "withdrawn": np.flatnonzero(log_against_low(so_far, seen, limit) >= withdraw),
        "confirmed": np.flatnonzero(log_against_high(so_far, seen, limit) >= confirm),
    }
    verdict: SiteVerdict = next((name for name, at in reached.items() if len(at)), "open")
    rate = errors / n if n else 0.0
    heading: SiteVerdict = "withdrawn" if rate > limit else "confirmed"
    missing: int | None = 0
    if verdict == "open":
        needed = withdraw if heading == "withdrawn" else confirm
        missing = further_patients(errors, n, limit, rate, needed, withdraw=heading == "withdrawn")
    low, high = rate_interval(errors, n, delta)
    return PromiseTest(
        promise=promise,
        verdict=verdict,
        errors=errors,
        n=n,
        low=low,
        high=high,
        settled_after=int(reached[verdict][0]) + 1 if verdict != "open" else None,
        missing=missing,
        heading=verdict if verdict != "open" else heading,
        missing_films=math.ceil(missing * films / n) if missing is not None and n else None,
    )


def local_points(
    points: OperatingPointSet,
    tests: Sequence[PromiseTest],
    scores: ArrayLike,
    labels: ArrayLike,
    patients: Sequence[str],
) -> OperatingPointSet:
    """The operating points for this hospital: what local patients contradict is replaced by what they certify.

    A local threshold t is the lowest (for misses the highest) at which the capital against "it errs at more than the
    limit" reaches 1 / delta. Errors only become rarer beyond it, so that the promise is ever false only if the capital
    against the one threshold that errs at exactly the limit ever reaches it: the promise holds with confidence
    ``1 - delta`` whenever it is made, again and again too. Where too few patients were read, nothing is promised.

    Args:
        points: the shipped ones.
        tests: from :func:`retest_promises` on the same films.
        scores: (N, C) as there, columns in the order of ``points.label_space``.
        labels: (N, C) as there.
        patients: (N,) as there.

    Raises:
        OperatingPointError: if shapes disagree or a value is out of range.
    """
    s, y = check_calibration_data(scores, labels, patients, points.label_space)
    codes = patient_codes(patients)
    withdrawn = {(t.promise.name, t.promise.kind) for t in tests if t.verdict == "withdrawn"}

    def replaced(name: str, kind: str, point: OperatingPoint) -> OperatingPoint:
        if (name, kind) not in withdrawn:
            return point
        columns = range(len(points.label_space)) if name == ANY_FINDING else [points.label_space.index(name)]
        return _local_point(point, name, patient_score(s[:, columns]), patient_labels(y[:, columns]), codes)

    return points.model_copy(
        update={
            "created": datetime.now(UTC),
            "calibration_sha256": calibration_sha256(s, y, patients, points.label_space),
            "n_images": len(s),
            "n_patients": len(set(patients)),
            "findings": {name: replaced(name, "positive", point) for name, point in points.findings.items()},
            "rule_out": {name: replaced(name, "cleared", point) for name, point in points.rule_out.items()},
            "patient_level": replaced(ANY_FINDING, "positive", points.patient_level),
            "patient_rule_out": replaced(ANY_FINDING, "cleared", points.patient_rule_out),
        }
    ).sealed()


def without_withdrawn(two_sided: TwoSidedCertificates, tests: Sequence[PromiseTest]) -> TwoSidedCertificates:
    """Two-sided certificates without those that local patients contradict.

    At every level: the score that breaks one promise of a rule has changed for the others too.
    """
    withdrawn = {(t.promise.name, t.promise.kind): t for t in tests if t.verdict == "withdrawn"}

    def kept(p: LevelPoint) -> LevelPoint:
        test = withdrawn.get((f"{p.target}, {p.view}" if p.view else p.target, p.rule))
        if test is None or not isinstance(p.point, Certificate):
            return p
        refusal = _refusal(p.point.criterion, p.point.limit, p.point.delta, test.n)
        return LevelPoint(target=p.target, rule=p.rule, view=p.view, point=refusal)

    return two_sided.model_copy(update={"points": tuple(kept(p) for p in two_sided.points)}).sealed()


def _local_point(
    point: OperatingPoint, name: str, scores: _Floats, labels: _Floats, codes: NDArray[np.int64]
) -> OperatingPoint:
    criterion, limit, delta = point.criterion, point.limit, point.delta
    false_alarms = criterion == "false_positive_rate"
    of_class, others = (scores[_first_films(labels == value, codes)] for value in ((0, 1) if false_alarms else (1, 0)))
    n, needed = len(of_class), -math.log(delta)
    allowed = largest_confirming(n, limit, needed)
    if allowed is None:
        return _refusal(criterion, limit, delta, n)
    k = n - allowed if false_alarms else allowed + 1
    threshold = float(np.sort(of_class)[k - 1])
    right = others > threshold if false_alarms else others < threshold
    other = Proportion.of(int(right.sum()), len(others)) if len(others) else None
    side, who = ("above", "without") if false_alarms else ("below", "with")
    return Certificate(
        criterion=criterion,
        limit=limit,
        delta=delta,
        n=n,
        k=k,
        threshold=threshold,
        violation=math.exp(-float(log_against_high(allowed, n, limit))),
        guarantee=(
            f"With {100 * (1 - delta):.5g}% confidence at most {limit:.3g} of local patients {who} {name} score {side} "
            f"the threshold, whenever this is asked (threshold = score number {k} of {n}, the first film of each)."
        ),
        sensitivity=other if false_alarms else None,
        specificity=None if false_alarms else other,
    )


def _refusal(criterion: Criterion, limit: float, delta: float, n: int) -> CertificateRefusal:
    missing = further_patients(0, n, limit, 0.0, -math.log(delta), withdraw=False) or 1
    who = "without" if criterion == "false_positive_rate" else "with"
    reason = (
        f"withdrawn: local patients contradict the promise; a local one needs {n + missing} of them {who} the finding, "
        f"here are {n}"
    )
    return CertificateRefusal(
        criterion=criterion, limit=limit, delta=delta, n=n, required=n + missing, missing=missing, reason=reason
    )
