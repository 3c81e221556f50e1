"""Re-testing a certificate: verdicts at known error counts, and how often a good one is called broken."""

import numpy as np
import pytest
from scipy import stats

from cxr.operating_points import Certificate, audit_certificates, fit_operating_points
from cxr.operating_points.certificate_audit import _judge, _patients_to_confirm


@pytest.mark.parametrize(("errors", "needed"), [(0, 299), (1, 473), (2, 628)])
def test_patients_to_confirm_is_the_smallest_exact_sample(errors: int, needed: int) -> None:
    assert _patients_to_confirm(errors, 0.01, 0.05) == needed
    assert stats.binom.cdf(errors, needed, 0.01) <= 0.05 < stats.binom.cdf(errors, needed - 1, 0.01)


def test_verdicts(cohort, finding_names) -> None:
    points = fit_operating_points(cohort.scores, cohort.labels, cohort.patients, finding_names)
    certificate = points.findings["Mass"]
    assert isinstance(certificate, Certificate)
    assert _judge(0, 299, certificate, tests=1) == ("confirmed", 0)
    assert _judge(0, 200, certificate, tests=1) == ("undecided", 99)
    assert _judge(4, 300, certificate, tests=1)[0] == "undecided"  # one would expect 3
    assert _judge(8, 300, certificate, tests=1) == ("broken", 0)
    assert _judge(8, 300, certificate, tests=10)[0] == "undecided"  # one of ten tests may look like this


def test_a_shifted_population_breaks_the_promise_and_the_same_one_rarely_does(draw, finding_names) -> None:
    points = fit_operating_points(*_data(draw(1500, 1)), finding_names, 0.02, 0.05)
    broken = 0
    for seed in range(60):
        new = draw(400, 1000 + seed)
        verdicts = [check.verdict for check in audit_certificates(points, *_data(new), seed=seed)]
        assert len(verdicts) == 4
        broken += "broken" in verdicts
    assert broken <= 8  # 5 % of 60 is 3
    new = draw(1500, 2)
    checks = audit_certificates(points, np.minimum(1, 2 * new.scores), new.labels, new.patients)
    assert {check.verdict for check in checks} == {"broken"}
    assert [check.name for check in checks] == [*finding_names, "any finding"]


def _data(cohort):
    return cohort.scores, cohort.labels, cohort.patients
