import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cxr.evaluation.ranking import roc_auc
from cxr.models.anatomical_features import MEASURES, AnatomicalRegression, measure
from cxr.training.classifier.anatomical_features import AnatomicalFeaturesConfig, fit_anatomical_features

LABEL_SPACE = ("Cardiomegaly", "Mass", "Nodule")


@pytest.fixture(scope="module")
def measured() -> tuple[AnatomicalRegression, NDArray[np.uint8], NDArray[np.float32]]:
    """A prior, pictures, and what it measures on each."""
    rng = np.random.default_rng(0)
    coarse = rng.random((60, 1, 6, 6), dtype=np.float32)
    smooth = torch.nn.functional.interpolate(torch.from_numpy(coarse), (128, 128), mode="bicubic").clamp(0, 1)
    images = (smooth[:, 0] * 255).to(torch.uint8).numpy()
    prior = AnatomicalRegression(len(LABEL_SPACE))
    with torch.inference_mode():
        values = measure(prior.outlines(torch.from_numpy(images)[:, None].float() / 255)).numpy()
    return prior, images, values


def _labels(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each label is whether the heart is wide for these pictures."""
    width = values[:, MEASURES.index("heart: width")]
    return np.repeat((width > np.median(width))[:, None], len(LABEL_SPACE), axis=1).astype(np.float32)


def _odds(prior: AnatomicalRegression, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    with torch.inference_mode():
        return prior(torch.from_numpy(images)[:, None].float() / 255).log_odds.numpy()


def test_it_ranks_by_the_measure_that_decides(
    measured: tuple[AnatomicalRegression, NDArray[np.uint8], NDArray[np.float32]],
):
    prior, images, values = measured
    labels = _labels(values)
    fit_anatomical_features(
        prior, images, labels, LABEL_SPACE, AnatomicalFeaturesConfig(strength=1.0, excluded_labels=("Nodule",))
    )
    odds = _odds(prior, images)
    assert roc_auc(labels[:, 0], odds[:, 0]) > 0.9
    assert abs(odds[:, 0].mean()) < 0.5  # how common the label is stays the classifier's business
    assert not odds[:, 2].any()


def test_rows_without_a_sure_label_are_left_out(
    measured: tuple[AnatomicalRegression, NDArray[np.uint8], NDArray[np.float32]],
):
    prior, images, values = measured
    labels = _labels(values)
    unsure = labels.copy()
    unsure[::3, 0], unsure[1::3, 0] = -1, np.nan
    fit_anatomical_features(prior, images, unsure, LABEL_SPACE, AnatomicalFeaturesConfig())
    found = _odds(prior, images)[:, 0]
    unsure[::3, 0], unsure[1::3, 0] = np.nan, -1  # which of the two it is does not matter
    fit_anatomical_features(prior, images, unsure, LABEL_SPACE, AnatomicalFeaturesConfig())
    np.testing.assert_allclose(_odds(prior, images)[:, 0], found, atol=1e-5)
    fit_anatomical_features(prior, images, labels, LABEL_SPACE, AnatomicalFeaturesConfig())
    assert np.abs(_odds(prior, images)[:, 0] - found).max() > 0.01


def test_a_label_of_one_kind_is_passed_over(
    measured: tuple[AnatomicalRegression, NDArray[np.uint8], NDArray[np.float32]],
):
    prior, images, values = measured
    labels = _labels(values)
    labels[:, 1] = 0
    fit_anatomical_features(prior, images, labels, LABEL_SPACE, AnatomicalFeaturesConfig())
    assert not _odds(prior, images)[:, 1].any()
