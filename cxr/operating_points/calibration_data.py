"""The scores and labels that operating points are fitted on and re-tested with, one image per patient."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr.errors import OperatingPointError

__all__ = [
    "calibration_sha256",
    "check_calibration_data",
    "one_image_per_patient",
    "patient_codes",
    "patient_labels",
    "patient_score",
    "share_of_patients",
]

_Floats = NDArray[np.float64]


def patient_labels(labels: _Floats) -> _Floats:
    """(N,) 1 where any finding is present, 0 where all are known to be absent, NaN otherwise."""
    unknown = np.isnan(labels).any(axis=1)
    return np.where((labels == 1).any(axis=1), 1.0, np.where(unknown, np.nan, 0.0))


def patient_score(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Highest probability of any finding: (..., C) in [0, 1] to (...)."""
    return np.asarray(probabilities, dtype=np.float64).max(axis=-1)


def check_calibration_data(
    scores: ArrayLike, labels: ArrayLike, patients: Sequence[str], label_space: Sequence[str]
) -> tuple[_Floats, _Floats]:
    """Scores and labels as arrays, (N, C) each.

    Raises:
        OperatingPointError: if shapes disagree, a score is outside [0, 1], or a label is not 1, 0 or NaN.
    """
    s, y = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    expected = (len(patients), len(label_space))
    if s.shape != expected or y.shape != expected or not len(label_space):
        raise OperatingPointError(
            f"scores {s.shape}, labels {y.shape}, {len(patients)} patients and {len(label_space)} findings do not fit"
        )
    if not ((s >= 0) & (s <= 1)).all():
        raise OperatingPointError("scores hold a value that is not a probability in [0, 1]")
    if not np.isin(y[~np.isnan(y)], (0, 1)).all():
        raise OperatingPointError("labels must be 1, 0 or NaN (unknown); set uncertain ones to NaN first")
    return s, y


def calibration_sha256(scores: _Floats, labels: _Floats, patients: Sequence[str], label_space: Sequence[str]) -> str:
    """Hash of all that a fit depends on; scores and labels are (N, C)."""
    digest = hashlib.sha256()
    for part in (scores, labels):
        digest.update(np.ascontiguousarray(part, dtype="<f8").tobytes())
    digest.update("\n".join([*map(str, patients), *label_space]).encode())
    return digest.hexdigest()


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


def share_of_patients(patients: Sequence[str], share: float, seed: int = 0) -> NDArray[np.bool_]:
    """(N,) which images belong to a random share of the patients, in [0, 1], rounded down.

    What calibrates scores and what certifies thresholds on them are different patients: the promise holds for scores
    that were fixed before its patients were seen.
    """
    codes = patient_codes(patients)
    n = int(codes.max()) + 1 if len(codes) else 0
    chosen = np.zeros(n, dtype=bool)
    chosen[np.random.default_rng(seed).permutation(n)[: int(n * share)]] = True
    return np.asarray(chosen[codes])
