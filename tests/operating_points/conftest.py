"""A synthetic calibration set: known distributions, several images per patient."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

FINDINGS = ("Effusion", "Mass", "Pneumothorax")


@dataclass(frozen=True)
class Cohort:
    """N images of P patients with logits, calibrated by construction."""

    logits: NDArray[np.float64]
    labels: NDArray[np.float64]
    patients: list[str]

    @property
    def scores(self) -> NDArray[np.float64]:
        return expit(self.logits)


def draw_cohort(n_patients: int, seed: int) -> Cohort:
    """Patients with one to four images; labels drawn with probability sigmoid(logit)."""
    rng = np.random.default_rng(seed)
    images = rng.integers(1, 5, n_patients)
    patient = np.repeat(np.arange(n_patients), images)
    level = rng.normal(size=(n_patients, len(FINDINGS)))[patient]
    logits = -2.5 + 1.2 * level + 0.8 * rng.normal(size=(len(patient), len(FINDINGS)))
    labels = (rng.random(logits.shape) < expit(logits)).astype(np.float64)
    return Cohort(logits, labels, [f"p{i}" for i in patient])


@pytest.fixture(scope="session")
def cohort() -> Cohort:
    """2,000 patients."""
    return draw_cohort(2000, seed=0)


@pytest.fixture(scope="session")
def finding_names() -> tuple[str, ...]:
    """The label space of the cohort."""
    return FINDINGS


@pytest.fixture(scope="session")
def draw() -> Callable[[int, int], Cohort]:
    """Draw a cohort of so many patients with a seed."""
    return draw_cohort
