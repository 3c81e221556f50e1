import dataclasses

import numpy as np
import pytest

from cxr.operating_points import ScoreReference, fit_operating_points
from cxr.worklist import Case, Decision, Subject
from cxr.worklist.monitoring import monitor

LABELS = ("Effusion", "Mass")
RNG = np.random.default_rng(0)
CALIBRATION_LABELS = (RNG.random((600, 2)) < 0.3).astype(float)
CALIBRATION_SCORES = np.clip(RNG.normal(0.2, 0.08, (600, 2)) + 0.5 * CALIBRATION_LABELS, 0.01, 0.99)


@pytest.fixture(scope="module")
def points():
    return fit_operating_points(
        CALIBRATION_SCORES, CALIBRATION_LABELS, [f"p{i}" for i in range(600)], LABELS, alpha=0.05, delta=0.05
    )


@pytest.fixture(scope="module")
def reference():
    return ScoreReference.of(CALIBRATION_SCORES, CALIBRATION_LABELS, LABELS)


def case(number, scores, points, sex=None, **changes):
    probabilities = dict(zip(LABELS, map(float, scores), strict=True))
    made = Case(
        f"c{number}", "", f"{number}.png", "screened", f"2026-01-{1 + number % 2:02d}T08:00:00",
        Subject(f"patient{number}", None, sex, 30.0, "PA"), 9, 9, points.triage(probabilities), None, probabilities,
        "model", False, None,
    )  # fmt: skip
    return dataclasses.replace(made, **changes)


def decide(of, verdicts):
    stated = {name: there for name, there in zip(LABELS, verdicts, strict=True) if there is not None}
    return Decision(1, of.id, "Ann", "2026-01-03", stated, "", "model", "seal")


def report(cases, decisions, points, reference=None):
    return monitor(cases, decisions, points=points, reference=reference, model_sha256="model")


def test_volumes_and_refusals_by_day(points):
    refused = case(2, (0, 0), points, status="refused", triage=None, refusal="too_small", probabilities={})
    found = report([case(0, (0.9, 0.1), points), case(1, (0.1, 0.1), points), refused], {}, points)
    assert [(d.date, d.screened, d.referred, d.refused) for d in found.days] == [
        ("2026-01-02", 1, 0, 0),
        ("2026-01-01", 1, 1, 1),
    ]
    assert found.refusals == (("too_small", 1),)


def test_doubtful_films_and_those_unlike_the_calibration_are_counted(points):
    doubts = [(), ("annotated",), ("child", "out_of_distribution"), ()]
    found = report([case(n, (0.1, 0.1), points, doubts=d) for n, d in enumerate(doubts)], {}, points)
    assert (found.doubtful.count, found.unlike.count, found.unlike.n) == (2, 1, 4)
    assert report([], {}, points).unlike is None


def test_agreement_counts_both_kinds_of_overruling(points):
    cases = [case(n, scores, points) for n, scores in enumerate([(0.9, 0.1), (0.9, 0.1), (0.1, 0.1), (0.1, 0.1)])]
    signed = [(True, False), (False, False), (True, False), (False, False)]
    decisions = {c.id: decide(c, v) for c, v in zip(cases, signed, strict=True)}
    [effusion] = report(cases, decisions, points).agreement
    assert (effusion.name, effusion.confirmed, effusion.removed, effusion.added) == ("Effusion", 1, 1, 1)
    assert effusion.share.rate == 0.5


def test_what_a_reader_did_not_state_counts_neither_way(points):
    cases = [case(n, (0.9, 0.1), points) for n in range(3)]
    decisions = {c.id: decide(c, v) for c, v in zip(cases, [(True, None), (None, None), (None, False)], strict=True)}
    found = report(cases, decisions, points)
    [effusion] = found.agreement
    assert (effusion.confirmed, effusion.removed, effusion.share.n) == (1, 0, 1)
    counted = {r.name: r.errors.n if r.errors else 0 for r in found.certificate_audits}
    assert counted == {"Effusion": 0, "Mass": 1, "any finding": 0}


def test_drift_is_found_where_scores_differ_and_only_there(points, reference):
    same = [case(n, row, points) for n, row in enumerate(CALIBRATION_SCORES[:200])]
    assert not any(d.drifted for d in report(same, {}, points, reference).drift)
    shifted = [case(n, (min(0.99, e + 0.15), m), points) for n, (e, m) in enumerate(CALIBRATION_SCORES[:200])]
    assert {d.name for d in report(shifted, {}, points, reference).drift if d.drifted} == {"Effusion"}


def test_few_images_or_no_reference_say_nothing_about_drift(points, reference):
    few = [case(n, (0.1, 0.1), points) for n in range(30)]
    assert report(few[:29], {}, points, reference).drift is None
    assert report(few, {}, points, reference).drift is not None
    assert report(few, {}, points).drift is None


def test_a_group_that_is_referred_more_often_is_flagged(points):
    cases = [case(n, (0.9, 0.1) if n % 2 else (0.1, 0.1), points, sex="F" if n % 2 else "M") for n in range(60)]
    groups = {(g.attribute, g.value): g for g in report(cases, {}, points).subgroups}
    assert groups["sex", "F"].flagged
    assert groups["sex", "M"].flagged
    assert not groups["view", "PA"].flagged
    assert ("age", "18-39") in groups


def test_certificates_are_tested_on_patients_signed_as_healthy(points):
    healthy = [case(n, (0.1, 0.1), points) for n in range(150)]
    alarms = [case(n, (0.95, 0.1), points) for n in range(150, 200)]
    signed = {c.id: decide(c, (False, False)) for c in [*healthy, *alarms]}
    verdicts = {r.name: r.verdict for r in report([*healthy, *alarms], signed, points).certificate_audits}
    assert verdicts == {"Effusion": "broken", "Mass": "confirmed", "any finding": "broken"}


def test_results_of_another_model_are_not_mixed_in(points):
    other = [case(n, (0.9, 0.1), points, model_sha256="earlier") for n in range(5)]
    found = report(other, {c.id: decide(c, (False, False)) for c in other}, points)
    assert (found.screened, found.signed, found.certificate_audits) == (0, 0, ())
