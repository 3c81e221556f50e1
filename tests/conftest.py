"""Fixtures shared by the whole suite."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parents[1]

# How fast a busy machine is says nothing of a property.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

pytest_plugins = ["tests.clinic_fixtures", "tests.dicom_fixtures", "tests.pipeline_fixtures"]


@pytest.fixture(scope="session")
def repository_root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real radiographs, reports and masks, which is not part of the project."""
    folder = Path(os.environ.get("CXR_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"shared data not found at {folder}; set CXR_SHARED_DATA to run this test")
    return folder
