"""Pixels of which every value is known."""

import numpy as np
import pytest


@pytest.fixture
def ramp() -> np.ndarray:
    """(64, 80) 12-bit values from 0 to 4095, each row rising to the right."""
    return np.tile(np.linspace(0, 4095, 80).round().astype(np.uint16), (64, 1))
