"""Decision figures against a confusion matrix and Bayes' rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_score, recall_score

from cxr.evaluation.decisions import evaluate_decisions, predictive_values


def test_figures_are_those_of_the_confusion_matrix() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random((500, 2)) < 0.3).astype(float)
    labels[:50, 0] = np.nan
    flagged = (rng.random((500, 2)) < 0.2 + 0.4 * np.nan_to_num(labels)).astype(float)
    reports = evaluate_decisions(labels, flagged, [str(i) for i in range(500)], ("a", "b"), (0.01,), resamples=100)
    for d, name in enumerate("ab"):
        known = ~np.isnan(labels[:, d])
        y, f = labels[known, d], flagged[known, d]
        tn, fp, fn, tp = confusion_matrix(y, f).ravel()
        report = reports[name]
        assert report.sensitivity.value == pytest.approx(recall_score(y, f))
        assert report.specificity.value == pytest.approx(tn / (tn + fp))
        assert report.ppv.value == pytest.approx(precision_score(y, f))
        assert report.npv.value == pytest.approx(tn / (tn + fn))
        assert report.flagged.value == pytest.approx(f.mean())
        assert (report.n_positive, report.n_negative) == (tp + fn, tn + fp)
        at = report.ppv_at[0.01]
        assert at.low < at.value < at.high < report.ppv.value


@given(st.floats(0.01, 1), st.floats(0, 0.99), st.floats(0.001, 0.999))
def test_predictive_values_follow_bayes(sensitivity: float, specificity: float, prevalence: float) -> None:
    ppv, npv = predictive_values(sensitivity, specificity, prevalence)
    sick, healthy = prevalence, 1 - prevalence
    assert ppv == pytest.approx(sensitivity * sick / (sensitivity * sick + (1 - specificity) * healthy))
    if specificity > 0:
        assert npv == pytest.approx(specificity * healthy / (specificity * healthy + (1 - sensitivity) * sick))


def test_predictive_values_are_undefined_where_nobody_is_flagged() -> None:
    ppv, npv = predictive_values([0.0, 1.0], [1.0, 0.0], 0.1)
    assert np.isnan(ppv[0])
    assert npv[0] == pytest.approx(0.9)
    assert ppv[1] == pytest.approx(0.1)
    assert np.isnan(npv[1])
