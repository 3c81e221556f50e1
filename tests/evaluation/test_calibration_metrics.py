"""Calibration metrics on probabilities that are right, or wrong by a known amount."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from cxr.errors import CxrError
from cxr.evaluation.calibration_metrics import evaluate_calibration

N = 20_000


@pytest.fixture(scope="module")
def truth():
    rng = np.random.default_rng(0)
    p = rng.uniform(0, 0.6, N)
    return (rng.random(N) < p).astype(float), p, [str(i // 2) for i in range(N)]


def test_true_probabilities_are_calibrated(truth) -> None:
    labels, p, patients = truth
    report = evaluate_calibration(labels, p, patients, resamples=100)
    assert report.brier.value == pytest.approx(brier_score_loss(labels, p))
    assert report.ece.value < 0.015
    inside = [b.observed.low <= b.predicted <= b.observed.high for b in report.reliability]
    assert sum(inside) >= 8
    assert [b.n for b in report.reliability] == [N // 10] * 10


def test_probabilities_that_are_too_high_are_off_by_the_excess(truth) -> None:
    labels, p, patients = truth
    report = evaluate_calibration(labels, p + 0.2, patients, resamples=50)
    assert report.ece.value == pytest.approx(0.2, abs=0.01)
    assert all(b.predicted - b.observed.value > 0.1 for b in report.reliability)


def test_equal_probabilities_share_one_bin_and_unknown_labels_are_left_out(truth) -> None:
    labels, _, patients = truth
    labels = labels.copy()
    labels[:100] = np.nan
    report = evaluate_calibration(labels, np.full(N, 0.3), patients, resamples=20)
    assert [b.n for b in report.reliability] == [N - 100]


def test_wrong_input_is_refused() -> None:
    with pytest.raises(CxrError, match="not a number in"):
        evaluate_calibration([0, 1], [0.2, 1.2], ["a", "b"])
    with pytest.raises(CxrError, match="no image has a known label"):
        evaluate_calibration([np.nan], [0.2], ["a"])
