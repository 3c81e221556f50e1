import numpy as np
import pytest

from app.operating_choice import OperatingChoice, Policy
from cxr.operating_points import ANY_FINDING, ScoreReference, fit_operating_points

LABELS = ("Effusion", "Mass", "Hernia")


@pytest.fixture(scope="module")
def calibration():
    """1,000 patients; hernia is too rare to be certified."""
    rng = np.random.default_rng(3)
    labels = (rng.random((1000, 3)) < [0.3, 0.2, 0]).astype(float)
    labels[:990, 2] = np.nan
    scores = np.clip(rng.normal(0.25, 0.12, labels.shape) + 0.35 * np.nan_to_num(labels), 0.01, 0.99)
    return scores, labels


@pytest.fixture(scope="module")
def points(calibration):
    scores, labels = calibration
    return fit_operating_points(scores, labels, [f"p{i}" for i in range(1000)], LABELS, alpha=0.05, delta=0.05)


@pytest.fixture(scope="module")
def reference(calibration):
    return ScoreReference.of(*calibration, LABELS)


def test_the_certified_choice_decides_as_screening_does(points, calibration):
    policy = Policy(points, None, OperatingChoice())
    for row in calibration[0]:
        probabilities = dict(zip(LABELS, row, strict=True))
        assert policy.triage(probabilities) == points.triage(probabilities)
        above = {
            name
            for name, p in probabilities.items()
            if points.threshold(name) is not None and p > points.threshold(name)
        }
        assert set(policy.flagged(probabilities)) == above


def test_only_the_bundles_own_points_are_certified(points, reference):
    for mode, promised in (("certified", True), ("sensitive", True), ("custom", False)):
        policy = Policy(points, reference, OperatingChoice(mode, 0.5 if mode == "custom" else 0.0))
        assert policy.effects["Effusion"].certified is promised
        assert not policy.effects["Hernia"].certified
        assert policy.effects["Hernia"].threshold is None


def test_what_is_expected_of_a_certified_point_is_within_its_promise(points):
    effect = Policy(points, None, OperatingChoice()).effects["Effusion"]
    assert 0 < effect.false_positive_rate <= effect.point.limit
    sensitive = Policy(points, None, OperatingChoice("sensitive")).effects["Effusion"]
    assert sensitive.sensitivity >= 1 - sensitive.point.limit
    assert sensitive.threshold < effect.threshold


def test_a_stricter_threshold_flags_fewer(points, reference, calibration):
    flagged, alarms, caught = [], [], []
    for shift in (-2.0, -1.0, 0.0, 1.0, 2.0):
        policy = Policy(points, reference, OperatingChoice("custom", shift))
        flagged.append(sum(len(policy.flagged(dict(zip(LABELS, row, strict=True)))) for row in calibration[0]))
        alarms.append(policy.effects["Mass"].false_positive_rate)
        caught.append(policy.effects[ANY_FINDING].sensitivity or 0)
    assert flagged == sorted(flagged, reverse=True)
    assert alarms == sorted(alarms, reverse=True)
    assert caught == sorted(caught, reverse=True)
    assert flagged[0] > flagged[-1]


def test_a_custom_point_without_reference_promises_and_knows_nothing(points):
    effect = Policy(points, None, OperatingChoice("custom", 1.0)).effects["Effusion"]
    assert effect.threshold is not None
    assert (effect.point, effect.sensitivity, effect.false_positive_rate) == (None, None, None)


def test_the_sensitive_choice_refers_all_that_is_not_cleared(points, calibration):
    policy = Policy(points, None, OperatingChoice("sensitive"))
    decisions = {policy.triage(dict(zip(LABELS, row, strict=True))) for row in calibration[0]}
    assert "refer" in decisions
    certified = Policy(points, None, OperatingChoice())
    for row in calibration[0]:
        probabilities = dict(zip(LABELS, row, strict=True))
        if certified.triage(probabilities) == "refer":
            assert policy.triage(probabilities) == "refer"
