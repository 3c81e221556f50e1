"""The scores and labels that operating points are fitted on and re-tested with."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr.errors import OperatingPointError

__all__ = ["calibration_sha256", "check_calibration_data", "patient_labels"]

_Floats = NDArray[np.float64]


def patient_labels(labels: _Floats) -> _Floats:
    """(N,) 1 where any finding is present, 0 where all are known to be absent, NaN otherwise."""
    unknown = np.isnan(labels).any(axis=1)
    return np.where((labels == 1).any(axis=1), 1.0, np.where(unknown, np.nan, 0.0))


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
