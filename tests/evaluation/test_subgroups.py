"""Subgroups partition the images and repeat the overall figures on their part."""

import numpy as np
import pytest

from cxr.evaluation.classification import evaluate_classification
from cxr.evaluation.subgroups import age_band, evaluate_subgroups


def test_each_value_is_evaluated_on_its_own_images() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random((400, 1)) < 0.3).astype(float)
    scores, patients = rng.random((400, 1)) + 0.5 * labels, [str(i) for i in range(400)]
    sex = np.where(np.arange(400) % 3 == 0, "F", "M")
    view = ["PA" if i % 2 else "" for i in range(400)]
    reports = evaluate_subgroups(labels, scores, patients, ("Mass",), {"sex": sex, "view": view}, resamples=50)
    assert [(r.attribute, r.value) for r in reports] == [
        ("sex", "F"),
        ("sex", "M"),
        ("view", "PA"),
        ("view", "unknown"),
    ]
    women = sex == "F"
    expected = evaluate_classification(labels[women], scores[women], np.array(patients)[women], ("Mass",), resamples=50)
    assert reports[0].classification == expected
    assert sum(r.classification.n_images for r in reports[:2]) == 400


@pytest.mark.parametrize(
    ("years", "band"),
    [(0, "0-17"), (17.9, "0-17"), (18, "18-39"), (59, "40-59"), (80, "80+"), (411, "unknown"), (np.nan, "unknown")],
)
def test_age_bands(years: float, band: str) -> None:
    assert age_band(years) == band
