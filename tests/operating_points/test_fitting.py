"""Fitting: the guarantee on fresh patients, refusals, and independence of the drawn sample."""

import numpy as np
import pytest

from cxr.errors import OperatingPointError
from cxr.operating_points import Certificate, CertificateRefusal, fit_operating_points
from cxr.operating_points.calibration_data import patient_labels


def single_image_data(n: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    return rng.random((n, 1)), np.zeros((n, 1)), [str(i) for i in range(n)]


def test_two_hundred_negatives_are_refused_with_the_number_missing() -> None:
    points = fit_operating_points(*single_image_data(200), ("Mass",), alpha=0.01, delta=0.05)
    for point in (points.findings["Mass"], points.patient_level):
        assert isinstance(point, CertificateRefusal)
        assert (point.n, point.required, point.missing) == (200, 299, 99)
        assert "99 missing" in point.reason


def test_the_first_sufficient_sample_is_certified_at_its_maximum() -> None:
    scores, labels, patients = single_image_data(299)
    point = fit_operating_points(scores, labels, patients, ("Mass",)).findings["Mass"]
    assert isinstance(point, Certificate)
    assert (point.n, point.k, point.threshold) == (299, 299, scores.max())


def test_images_of_one_patient_do_not_count_as_independent() -> None:
    scores, labels, _ = single_image_data(3000)
    point = fit_operating_points(scores, labels, [str(i // 15) for i in range(3000)], ("Mass",)).findings["Mass"]
    assert isinstance(point, CertificateRefusal)
    assert point.n == 200


def test_promises_hold_for_new_patients(finding_names, draw) -> None:
    population = draw(60_000, 99)
    first = np.unique(population.patients, return_index=True)[1]  # one image of each patient
    scores, labels = population.scores[first], population.labels[first]
    healthy = patient_labels(labels) == 0
    broken = {"Mass": 0, "patient": 0, "rule out": 0}
    for seed in range(200):
        c = draw(700, seed)
        points = fit_operating_points(c.scores, c.labels, c.patients, finding_names, 0.02, 0.1, seed=seed)
        threshold = points.threshold("Mass")
        assert threshold is not None
        broken["Mass"] += (scores[labels[:, 1] == 0, 1] > threshold).mean() > 0.02
        assert isinstance(points.patient_level, Certificate)
        broken["patient"] += (scores[healthy].max(axis=1) > points.patient_level.threshold).mean() > 0.02
        assert isinstance(points.patient_rule_out, Certificate)
        broken["rule out"] += (scores[~healthy].max(axis=1) < points.patient_rule_out.threshold).mean() > 0.05
    # 10 % may fail; 200 trials allow 20 + 3 standard deviations of 4.2
    assert all(count <= 33 for count in broken.values()), broken
    assert any(count > 0 for count in broken.values())  # and the rule is not needlessly careful


def test_the_rule_is_invariant_under_an_increasing_map_of_each_finding(cohort, finding_names) -> None:
    plain = fit_operating_points(cohort.scores, cohort.labels, cohort.patients, finding_names)
    mapped = fit_operating_points(cohort.scores**3, cohort.labels, cohort.patients, finding_names)
    for name in finding_names:
        before, after = plain.findings[name], mapped.findings[name]
        assert isinstance(before, Certificate)
        assert isinstance(after, Certificate)
        assert after.threshold == pytest.approx(before.threshold**3)
        assert after.sensitivity == before.sensitivity


def test_subgroup_rates_cover_the_sample(cohort, finding_names) -> None:
    sex = ["F" if i % 3 else "M" for i in range(len(cohort.patients))]
    points = fit_operating_points(cohort.scores, cohort.labels, cohort.patients, finding_names, subgroups={"sex": sex})
    point = points.patient_level
    assert isinstance(point, Certificate)
    assert {r.value for r in point.subgroups} == {"F", "M"}
    assert sum(r.error.n for r in point.subgroups) == point.n
    assert sum(r.error.count for r in point.subgroups) == point.n - point.k  # continuous scores: those above rank k


def test_image_rate_counts_every_image_of_the_class(cohort, finding_names) -> None:
    point = fit_operating_points(cohort.scores, cohort.labels, cohort.patients, finding_names).findings["Mass"]
    assert isinstance(point, Certificate)
    negatives = cohort.scores[cohort.labels[:, 1] == 0, 1]
    assert point.image_rate == (negatives > point.threshold).mean()


def test_unknown_labels_are_left_out() -> None:
    labels = np.array([[1, np.nan], [0, np.nan], [0, 0], [np.nan, 0]])
    assert np.array_equal(patient_labels(labels), [1, np.nan, 0, np.nan], equal_nan=True)
    scores, y, patients = single_image_data(400)
    y[:50] = np.nan
    point = fit_operating_points(scores, y, patients, ("Mass",)).findings["Mass"]
    assert point.n == 350


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s, y: (s * 2, y), "not a probability"),
        (lambda s, y: (s * np.nan, y), "not a probability"),
        (lambda s, y: (s, y - 1), "set uncertain ones to NaN"),
        (lambda s, y: (s[:10], y), "do not fit"),
    ],
)
def test_wrong_data_is_refused(change, message: str) -> None:
    scores, labels, patients = single_image_data(400)
    with pytest.raises(OperatingPointError, match=message):
        fit_operating_points(*change(scores, labels), patients, ("Mass",))
