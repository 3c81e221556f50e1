"""One image per patient: what makes a sample of radiographs independent."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["one_image_per_patient", "patient_codes"]


def patient_codes(patients: Sequence[str] | NDArray[np.generic]) -> NDArray[np.int64]:
    """Patients as integers 0..P-1, (N,), in the order of their sorted names."""
    return np.unique(np.asarray(patients), return_inverse=True)[1].astype(np.int64)


def one_image_per_patient(
    eligible: NDArray[np.bool_], codes: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Indices of one eligible image, drawn at random, of every patient who has any.

    Args:
        eligible: (N,) which images may be drawn.
        codes: (N,) patient of each image, from :func:`patient_codes`.
        rng: decides which image of a patient is taken.

    Returns:
        Ascending image indices, one per patient with an eligible image.
    """
    shuffled = rng.permutation(np.flatnonzero(eligible))
    return np.sort(shuffled[np.unique(codes[shuffled], return_index=True)[1]])
