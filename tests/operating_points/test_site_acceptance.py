"""Site acceptance: kept promises stay, broken ones go, and what replaces them holds."""

import numpy as np
import pytest

from cxr.errors import OperatingPointError
from cxr.operating_points import (
    Certificate,
    CertificateRefusal,
    fit_operating_points,
    fit_two_sided,
    local_points,
    promises_of,
    retest_promises,
    without_withdrawn,
)


@pytest.fixture(scope="module")
def points(draw, finding_names):
    return fit_operating_points(*_data(draw(3000, 1)), finding_names, 0.05, 0.05)


def _data(cohort):
    return cohort.scores, cohort.labels, cohort.patients


def _worse(cohort):
    """Films of another machine: every score is higher."""
    return np.minimum(1, 1.8 * cohort.scores), cohort.labels, cohort.patients


def test_every_certificate_is_a_promise_and_refusals_are_none(points, finding_names):
    promises = promises_of(points)
    assert {p.kind for p in promises} == {"positive", "cleared"}
    refused = [p for p in (*points.findings.values(), *points.rule_out.values()) if isinstance(p, CertificateRefusal)]
    assert len(promises) == 2 * len(finding_names) + 2 - len(refused)


def test_another_machine_breaks_promises_and_local_thresholds_hold_again(points, finding_names, draw):
    promises = promises_of(points)
    here = _worse(draw(1500, 7))
    tests = retest_promises(promises, finding_names, *here)
    withdrawn = {t.promise.name for t in tests if t.verdict == "withdrawn" and t.promise.kind == "positive"}
    assert withdrawn == {*finding_names, "any finding"}
    assert all(t.settled_after <= t.n and t.errors > 0 for t in tests if t.verdict == "withdrawn")
    assert not any(t.verdict == "withdrawn" for t in tests if t.promise.kind == "cleared")  # higher scores miss nobody
    local = local_points(points, tests, *here)
    scores, labels, _ = _worse(draw(6000, 8))
    for c, name in enumerate(finding_names):
        point = local.findings[name]
        assert isinstance(point, Certificate)
        assert (scores[labels[:, c] == 0, c] > point.threshold).mean() <= 0.06
        assert (scores[labels[:, c] == 1, c] > point.threshold).mean() > 0.1
    assert local.rule_out == points.rule_out
    assert type(local).from_json(local.to_json()) == local


def test_the_same_population_seldom_breaks_a_promise_and_confirms_the_cautious_ones(finding_names, draw):
    points = fit_operating_points(*_data(draw(3000, 1)), finding_names, 0.05, 0.01)
    promises = [p for p in promises_of(points) if p.kind == "positive"]
    verdicts = [
        t.verdict for seed in range(20) for t in retest_promises(promises, finding_names, *_data(draw(400, 100 + seed)))
    ]
    assert verdicts.count("withdrawn") <= 8  # 5 % of 80 are 4


def test_verdicts_do_not_depend_on_later_films_and_are_never_taken_back(points, finding_names, draw):
    promises = promises_of(points)
    scores, labels, patients = _worse(draw(600, 9))
    half = len(patients) // 2
    early = retest_promises(promises, finding_names, scores[:half], labels[:half], patients[:half])
    late = retest_promises(promises, finding_names, scores, labels, patients)
    for before, after in zip(early, late, strict=True):
        assert after.n >= before.n
        if before.verdict == "withdrawn":
            assert (after.verdict, after.settled_after) == ("withdrawn", before.settled_after)


def test_too_few_patients_leave_promises_open_with_the_number_missing(points, finding_names, draw):
    scores, labels, patients = _data(draw(12, 3))
    for test in retest_promises(promises_of(points), finding_names, scores, labels, patients):
        assert test.verdict == "open"
        assert (test.low, test.high) != (0, 0)
        if test.n and test.missing is not None:
            assert test.missing_films >= test.missing > 0


def test_one_view_breaks_its_own_promise_alone(finding_names, draw):
    cohort, new = draw(4000, 4), draw(2000, 5)
    views = ["AP" if i % 2 else "PA" for i in range(len(cohort.patients))]
    fitted = fit_two_sided(*_data(cohort), finding_names, views=views, delta=0.05)
    here = np.array(["AP" if i % 2 else "PA" for i in range(len(new.patients))])
    scores = np.where((here == "AP")[:, None], np.minimum(1, 2 * new.scores), new.scores)
    points = fit_operating_points(*_data(cohort), finding_names, 0.05, 0.05)
    promises = [p for p in promises_of(points, fitted) if p.kind == "refer"]
    assert promises
    tests = retest_promises(promises, finding_names, scores, new.labels, new.patients, here)
    assert {t.promise.view for t in tests if t.verdict == "withdrawn"} == {"AP"}
    kept = without_withdrawn(fitted, tests)
    assert {p.view for p in kept.points if p.rule == "refer" and isinstance(p.point, Certificate)} == {"PA"}
    with pytest.raises(OperatingPointError, match="views are not known"):
        retest_promises(promises, finding_names, scores, new.labels, new.patients)
