"""Two-sided triage of a patient: refer, read, or none.

The patient's score is the highest calibrated probability of any finding. It needs no further fitted
constant, so the order-statistic guarantee over the whole family of findings is exact, and a referral names
the finding that caused it.

- ``refer``: the score is above a threshold that healthy patients exceed at a limited rate;
- ``none``: the score is below a threshold that patients with a finding fall under at a limited rate, and
  no finding's own operating point fired;
- ``read``: everything else, which a person reads. Where a side has no certificate, its zone is read too.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr.operating_points.certificate import Certificate, Refusal

__all__ = ["Triage", "patient_score", "triage_of"]

Triage = Literal["refer", "read", "none"]


def patient_score(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Highest probability of any finding: (..., C) in [0, 1] to (...)."""
    return np.asarray(probabilities, dtype=np.float64).max(axis=-1)


def triage_of(
    scores: NDArray[np.float64],
    finding_fired: NDArray[np.bool_],
    refer: Certificate | Refusal,
    rule_out: Certificate | Refusal,
) -> list[Triage]:
    """The decisions for N patients.

    Args:
        scores: (N,) from :func:`patient_score`.
        finding_fired: (N,) whether any finding is above its own certified threshold.
        refer: the patient-level point of limited false-positive rate.
        rule_out: the patient-level point of limited miss rate.
    """
    none = np.full(len(scores), False)
    referred = scores > refer.threshold if isinstance(refer, Certificate) else none
    cleared = (scores < rule_out.threshold) & ~finding_fired if isinstance(rule_out, Certificate) else none
    return ["refer" if up else "none" if down else "read" for up, down in zip(referred, cleared, strict=True)]
