"""A small cohort, made once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from cxr.phantom.cohort import generate_cohort
from cxr.phantom.course import Visit
from cxr.phantom.disease import Lesion
from cxr.phantom.patient import Patient, draw_patient


@pytest.fixture(scope="session")
def cohort_folder(tmp_path_factory) -> Path:
    return generate_cohort(24, 96, 5, tmp_path_factory.mktemp("phantom") / "cohort", dicom=True)


@pytest.fixture
def healthy_patient() -> Patient:
    import numpy as np

    return replace(draw_patient(1, np.random.default_rng(7)), conditions=(), incidental=(), habitus=0.0, heart=0.43)


@pytest.fixture
def visit_with() -> Callable[..., Visit]:
    def make(*lesions: Lesion, view: str = "PA", devices: tuple[str, ...] = (), previous: date | None = None) -> Visit:
        return Visit(0, date(2010, 5, 4), 50, view, lesions, (), devices, previous)

    return make
