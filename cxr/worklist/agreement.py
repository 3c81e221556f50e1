"""What signed cases say about the model: agreement with the readers, and its certificates re-tested."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxr.operating_points import CertificateAudit, OperatingPointSet, Proportion, audit_certificates
from cxr.worklist.case import Case
from cxr.worklist.decisions import Decision

__all__ = ["Agreement", "agreements", "audit_locally"]


@dataclass(frozen=True)
class Agreement:
    """One finding on signed cases.

    Attributes:
        name: the finding.
        confirmed: called by the model, and signed as there.
        removed: called by the model, signed as absent.
        added: not called, signed as there.
        share: of signed cases on which both agree, with its interval.
    """

    name: str
    confirmed: int
    removed: int
    added: int
    share: Proportion


def agreements(signed: Sequence[tuple[Case, Decision]], points: OperatingPointSet) -> tuple[Agreement, ...]:
    """Agreement per finding at the certified operating point, for findings that either side ever named."""
    found = []
    for name in points.label_space:
        threshold = points.threshold(name)
        pairs = [
            (threshold is not None and case.probabilities[name] > threshold, decision.verdicts[name])
            for case, decision in signed
        ]
        counts = Counter(pairs)
        if counts[True, True] + counts[True, False] + counts[False, True]:
            agreed = counts[True, True] + counts[False, False]
            share = Proportion.of(agreed, len(pairs))
            found.append(Agreement(name, counts[True, True], counts[True, False], counts[False, True], share))
    return tuple(found)


def audit_locally(signed: Sequence[tuple[Case, Decision]], points: OperatingPointSet) -> tuple[CertificateAudit, ...]:
    """The certificates on patients that a reader signed; an image without a patient's number is its own patient."""
    if not signed:
        return ()
    scores = np.array([[case.probabilities[name] for name in points.label_space] for case, _ in signed])
    labels = np.array([[float(d.verdicts[name]) for name in points.label_space] for _, d in signed])
    return audit_certificates(points, scores, labels, [case.subject.patient or case.id for case, _ in signed])
