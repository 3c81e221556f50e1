"""Calibration keeps rankings, recovers known maps, and survives its file."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from cxr.errors import OperatingPointError
from cxr.operating_points import Calibrator, fit_calibrator, shift_prevalence
from cxr.operating_points.calibration_fit import _isotonic


def fitted(logits, labels, patients, name="Mass", seed=0) -> Calibrator:
    return fit_calibrator(logits[:, None], labels[:, None], patients, (name,), seed)


@pytest.fixture(scope="module")
def truth():
    """12,000 independent images whose label probability is sigmoid of the first array."""
    rng = np.random.default_rng(3)
    z = rng.normal(-1.5, 1.5, 12_000)
    return z, (rng.random(len(z)) < expit(z)).astype(float), [str(i) for i in range(len(z))]


@pytest.mark.parametrize(
    ("distort", "method"),
    [
        (lambda z: 3 * z, "temperature"),
        (lambda z: 2 * z + 3, "platt"),
        (lambda z: np.where(z > -1, 4 * z + 3, 0.3 * z - 0.7), "isotonic"),
    ],
)
def test_the_method_that_undoes_the_distortion_is_chosen(truth, distort, method: str) -> None:
    z, labels, patients = truth
    calibrator = fitted(distort(z), labels, patients)
    assert calibrator.findings[0].method == method
    error = np.abs(calibrator.apply(distort(z)[:, None])[:, 0] - expit(z))
    assert error.mean() < 0.015


@pytest.mark.parametrize("distort", [lambda z: 3 * z, lambda z: np.exp(z)])
def test_calibration_never_changes_a_ranking(truth, distort) -> None:
    z, labels, patients = truth
    calibrator = fitted(distort(z), labels, patients)
    grid = np.linspace(-15, 15, 2001)
    calibrated = logit(calibrator.apply(grid[:, None])[:, 0])
    assert (np.diff(calibrated) > 0).all()


@settings(deadline=None)  # the first example imports scipy.optimize
@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(20, 400))
def test_isotonic_map_increases_strictly_on_any_data(seed: int, levels: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.integers(0, levels, n) / 3  # ties, and often neighbouring blocks of equal rate
    labels = (rng.random(n) < 0.3 + 0.2 * (logits > levels / 6)).astype(float)
    calibration = _isotonic("Mass", logits, labels)
    assert (np.diff(calibration.transform(np.linspace(-5, 20, 300))) > 0).all()


def test_scores_shifted_by_class_weights_are_brought_back(cohort, finding_names) -> None:
    calibrator = fit_calibrator(cohort.logits + 2.2, cohort.labels, cohort.patients, finding_names)
    probabilities = calibrator.apply(cohort.logits + 2.2)
    assert probabilities.mean(axis=0) == pytest.approx(cohort.labels.mean(axis=0), abs=0.01)


def test_file_round_trip_gives_the_same_probabilities(cohort, finding_names) -> None:
    calibrator = fit_calibrator(cohort.logits, cohort.labels, cohort.patients, finding_names)
    again = Calibrator.from_json(calibrator.to_json())
    assert again == calibrator
    assert np.array_equal(again.apply(cohort.logits), calibrator.apply(cohort.logits))
    assert np.array_equal(again.apply(cohort.logits[0]), calibrator.apply(cohort.logits)[0])


@pytest.mark.parametrize("text", ['{"format_version": 2, "findings": []}', "{}", "[", '{"findings": [], "x": 1}'])
def test_an_invalid_file_is_refused(text: str) -> None:
    with pytest.raises(OperatingPointError, match="the calibration is invalid"):
        Calibrator.from_json(text)


def test_one_class_leaves_the_identity_and_few_patients_the_smoothed_line(truth) -> None:
    z, labels, patients = truth
    assert fitted(z, labels * 0, patients).findings[0].method == "identity"
    few = np.r_[np.flatnonzero(labels == 1)[:4], np.flatnonzero(labels == 0)[:50]]
    assert fitted(z[few], labels[few], patients[:54]).findings[0].method == "platt"


def test_perfectly_separated_scores_stay_finite() -> None:
    labels = np.repeat([0.0, 1.0], 100)
    logits = np.linspace(-5, 5, 200)
    probabilities = fitted(logits, labels, list(range(200))).apply(logits[:, None])
    assert ((probabilities > 0) & (probabilities < 1)).all()


def test_a_model_that_ranks_backwards_still_keeps_its_order(truth) -> None:
    z, labels, patients = truth
    calibrator = fitted(-z, labels, patients)
    assert (np.diff(calibrator.apply(np.sort(-z)[:, None])[:, 0]) >= 0).all()


def test_prevalence_shift_is_bayes_rule_and_its_own_inverse() -> None:
    p = np.array([0.0, 0.05, 0.3, 0.9, 1.0])
    shifted = shift_prevalence(p, fitted=0.2, stated=0.01)
    odds = p[1:-1] / (1 - p[1:-1]) * (0.01 / 0.99) / (0.2 / 0.8)
    assert shifted[1:-1] == pytest.approx(odds / (1 + odds))
    assert shifted[[0, -1]] == pytest.approx([0, 1])
    assert shift_prevalence(shifted, 0.01, 0.2) == pytest.approx(p)
    with pytest.raises(OperatingPointError, match="stated prevalence is 0"):
        shift_prevalence(p, 0.2, 0.0)


def test_calibrator_at_a_stated_prevalence(truth) -> None:
    z, labels, patients = truth
    calibrator = fitted(z, labels, patients)
    fitted_prevalence = calibrator.findings[0].prevalence
    expected = shift_prevalence(calibrator.apply(z[:, None]), fitted_prevalence, 0.02)
    assert calibrator.at_prevalence({"Mass": 0.02}).apply(z[:, None]) == pytest.approx(expected)
    with pytest.raises(OperatingPointError, match="no calibration for 'Nodule'"):
        calibrator.at_prevalence({"Nodule": 0.1})


def test_logits_of_another_shape_or_not_a_number_are_refused(cohort, finding_names) -> None:
    calibrator = fit_calibrator(cohort.logits, cohort.labels, cohort.patients, finding_names)
    with pytest.raises(OperatingPointError, match="covers 3 findings: Effusion, Mass, Pneumothorax"):
        calibrator.apply(np.zeros((2, 4)))
    with pytest.raises(OperatingPointError, match="NaN"):
        calibrator.apply(np.full(3, np.nan))
