import numpy as np
import pytest

from cxr.errors import OperatingPointError
from cxr.operating_points import ScoreReference
from cxr.operating_points.score_reference import MAX_SCORES


@pytest.fixture
def calibration():
    """2,000 images; unknown for every seventh."""
    rng = np.random.default_rng(0)
    labels = (rng.random((2000, 2)) < 0.2).astype(float)
    scores = np.clip(0.3 * labels + rng.random(labels.shape) * 0.7, 0, 1)
    labels[::7, 1] = np.nan
    return scores, labels


def test_rates_are_those_of_the_calibration_set(calibration):
    scores, labels = calibration
    reference = ScoreReference.from_json(ScoreReference.of(scores, labels, ("Mass", "Nodule")).to_json())
    for c, name in enumerate(("Mass", "Nodule")):
        for threshold in (0.1, 0.45, 0.8):
            found = reference.findings[name]
            for rate, value in ((found.sensitivity(threshold), 1), (found.false_positive_rate(threshold), 0)):
                true = (scores[labels[:, c] == value, c] > threshold).mean()
                assert rate.rate == pytest.approx(true, abs=0.005)
                assert rate.low <= true <= rate.high


def test_large_samples_are_thinned_and_small_ones_kept(calibration):
    scores, labels = calibration
    found = ScoreReference.of(scores, labels, ("Mass", "Nodule")).findings["Mass"]
    assert len(found.absent) == MAX_SCORES < found.n_absent
    few = ScoreReference.of(scores[:20], labels[:20], ("Mass", "Nodule")).findings["Mass"]
    assert np.allclose(few.absent, np.sort(scores[:20, 0][labels[:20, 0] == 0]), atol=1e-5)


def test_the_sample_looks_like_the_calibration_set(calibration):
    from scipy.stats import ks_2samp

    scores, labels = calibration
    sample = ScoreReference.of(scores, labels, ("Mass", "Nodule")).findings["Mass"].sample()
    assert ks_2samp(sample, scores[:, 0]).statistic < 0.02


def test_without_a_case_there_is_no_rate():
    found = ScoreReference.of([[0.1]], [[0.0]], ("Hernia",)).findings["Hernia"]
    assert found.sensitivity(0.5) is None
    assert found.false_positive_rate(0.5).rate == 0


def test_the_patient_level_is_the_highest_score_where_all_is_known(calibration):
    scores, labels = calibration
    found = ScoreReference.of(scores, labels, ("Mass", "Nodule")).any_finding
    healthy = (labels == 0).all(axis=1)
    assert found.n_absent == healthy.sum()
    assert found.false_positive_rate(0.6).rate == pytest.approx((scores[healthy].max(axis=1) > 0.6).mean(), abs=0.005)


def test_another_version_is_refused():
    with pytest.raises(OperatingPointError, match="format_version"):
        ScoreReference.from_json('{"format_version": 2, "findings": {}}')
