"""The shipped parameters."""

from importlib.resources import files

import numpy as np

from cxr.phantom.shape import HEART, LEFT_LUNG, RIGHT_LUNG, load_parameters, load_shape_model


def test_parameters_are_small_and_finite():
    assert len(files("cxr.phantom").joinpath("parameters.npz").read_bytes()) < 2_000_000
    assert all(np.isfinite(array).all() for array in load_parameters().values())


def test_mean_shape_is_a_chest():
    mean = load_shape_model().mean
    assert mean[RIGHT_LUNG, 0].max() < 0 < mean[LEFT_LUNG, 0].min()
    assert mean[HEART, 0].mean() > 0, "the heart lies to the patient's left"
    assert mean[HEART, 1].mean() > mean[RIGHT_LUNG, 1].mean(), "and in the lower half"


def test_modes_come_in_order_of_variance():
    energy = (load_shape_model().modes ** 2).sum(axis=(1, 2))
    assert (np.diff(energy) <= 1e-6).all()
    assert len(energy) == 20
