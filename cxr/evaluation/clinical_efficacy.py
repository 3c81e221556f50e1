"""Whether generated reports say the right findings: precision, recall and F1 of the labels that a labeler reads."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlp_labeler.document import ReportLabels

__all__ = ["ClinicalEfficacy", "clinical_efficacy", "stated_findings"]


@dataclass(frozen=True)
class ClinicalEfficacy:
    """Agreement of stated and true findings over N reports and C findings.

    Attributes:
        precision, recall, f1: over all findings together (micro).
        macro_f1: mean of the findings' F1; findings that are neither true nor stated anywhere are left out.
    """

    precision: float
    recall: float
    f1: float
    macro_f1: float


def stated_findings(reports: Sequence[ReportLabels], label_space: Sequence[str]) -> NDArray[np.bool_]:
    """(N, C): what each report asserts, doubts included, since a hedged finding is still put before the reader."""
    return np.array([[report.labels[name] in (1, -1) for name in label_space] for report in reports], dtype=bool)


def clinical_efficacy(truth: NDArray[np.bool_], stated: NDArray[np.bool_]) -> ClinicalEfficacy:
    """Score stated findings (N, C) against true ones (N, C); a figure without a denominator is 0."""
    hits = (truth & stated).sum(axis=0)
    told, real = stated.sum(axis=0), truth.sum(axis=0)
    seen = (told + real) > 0
    per_finding = 2 * hits[seen] / (told + real)[seen]
    return ClinicalEfficacy(
        precision=_ratio(hits.sum(), told.sum()),
        recall=_ratio(hits.sum(), real.sum()),
        f1=_ratio(2 * hits.sum(), told.sum() + real.sum()),
        macro_f1=float(per_finding.mean()) if seen.any() else 0.0,
    )


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
