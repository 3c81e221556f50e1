"""An audit: does a certificate still hold here, on new local patients?

Another hospital, another machine or another year may break a promise. Each certificate is tested both ways with
exact binomial tests on one new image per patient: *broken* if so many errors are too unlikely under the
promise, *confirmed* if the error rate is proven to be within the limit, *undecided* if the new patients are
too few for either. The chance of calling any of the certificates broken that is not is at most delta, by
Bonferroni's correction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy  # its parts are imported when they are first used
from numpy.typing import ArrayLike

from cxr.operating_points.calibration_data import (
    check_calibration_data,
    one_image_per_patient,
    patient_codes,
    patient_labels,
    patient_score,
)
from cxr.operating_points.certificate import Certificate, Proportion
from cxr.operating_points.operating_point_set import OperatingPointSet

__all__ = ["ANY_FINDING", "CertificateAudit", "Verdict", "audit_certificates"]

ANY_FINDING = "any finding"
Verdict = Literal["confirmed", "undecided", "broken"]


@dataclass(frozen=True)
class CertificateAudit:
    """One certificate on new patients.

    Attributes:
        name: the finding, or :data:`ANY_FINDING` for the patient level.
        certificate: what was promised.
        verdict: see the module.
        errors: what the certificate limits, on one new image per patient; ``None`` if there is no such patient.
        missing: further patients without an error that would confirm the promise; 0 unless undecided.
    """

    name: str
    certificate: Certificate
    verdict: Verdict
    errors: Proportion | None
    missing: int


def _patients_to_confirm(errors: int, limit: float, delta: float) -> int:
    """The smallest n at which ``errors`` errors prove a rate within ``limit``: P(Bin(n, limit) <= errors) <= delta."""
    low, high = errors, max(errors, 1)
    while scipy.special.bdtr(errors, high, limit) > delta:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if scipy.special.bdtr(errors, middle, limit) <= delta else (middle, high)
    return high


def _judge(errors: int, n: int, certificate: Certificate, tests: int) -> tuple[Verdict, int]:
    limit, delta = certificate.limit, certificate.delta
    if errors and scipy.special.bdtrc(errors - 1, n, limit) <= delta / tests:
        return "broken", 0
    needed = _patients_to_confirm(errors, limit, delta)
    return ("confirmed", 0) if n >= needed else ("undecided", needed - n)


def audit_certificates(
    points: OperatingPointSet, scores: ArrayLike, labels: ArrayLike, patients: Sequence[str], seed: int = 0
) -> tuple[CertificateAudit, ...]:
    """Re-test the false-positive-limited certificates of a set on new patients.

    Args:
        points: the certificates.
        scores: (N, C) new probabilities of the same model, in the order of ``points.label_space``.
        labels: (N, C) 1, 0, or NaN where unknown.
        patients: (N,) patient of each image; none of the calibration patients.
        seed: draws one image per patient.

    Returns:
        One entry per certified finding, then the patient level; refused points are left out.

    Raises:
        OperatingPointError: if shapes disagree, or a score or label is out of range.
    """
    s, y = check_calibration_data(scores, labels, patients, points.label_space)
    s, y = np.column_stack([s, patient_score(s)]), np.column_stack([y, patient_labels(y)])
    all_points = {name: points.findings[name] for name in points.label_space} | {ANY_FINDING: points.patient_level}
    certified = [(c, n, p) for c, (n, p) in enumerate(all_points.items()) if isinstance(p, Certificate)]
    codes, rng = patient_codes(patients), np.random.default_rng(seed)
    checks = []
    for c, name, certificate in certified:
        healthy = one_image_per_patient(y[:, c] == 0, codes, rng)
        errors = int((s[healthy, c] > certificate.threshold).sum())
        verdict, missing = _judge(errors, len(healthy), certificate, len(certified))
        proportion = Proportion.of(errors, len(healthy)) if len(healthy) else None
        checks.append(CertificateAudit(name, certificate, verdict, proportion, missing))
    return tuple(checks)
