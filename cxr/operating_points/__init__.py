"""Thresholds a clinic can trust: fitted, named, certified, bound to one model.

- calibration, calibration_fit: logits to probabilities, and how that map is fitted
- calibration_data: what thresholds are fitted on, one image per patient
- risk_control: thresholds with a finite-sample guarantee
- certificate: what is promised about one threshold, or why nothing is
- fitting: one threshold, and all of a model's
- operating_point_set, sealed_file: what was fitted, its triage, and the file that holds it
- two_sided: which named findings may be referred or ruled out, at several levels
- score_reference: how the calibration set scored
- certificate_audit: whether a certificate still holds on new local patients
- betting: tests of an error rate that stay valid however often one looks
- site_acceptance: by these, which promises hold at a hospital, and what holds there instead
"""

from cxr.operating_points.calibration import Calibrator, FindingCalibration, shift_prevalence
from cxr.operating_points.calibration_data import patient_score
from cxr.operating_points.calibration_fit import fit_calibrator
from cxr.operating_points.certificate import Certificate, CertificateRefusal, Proportion, SubgroupRate
from cxr.operating_points.certificate_audit import ANY_FINDING, CertificateAudit, audit_certificates
from cxr.operating_points.fitting import fit_operating_points, fit_two_sided
from cxr.operating_points.operating_point_set import OperatingPointSet, Triage
from cxr.operating_points.score_reference import ScoreReference
from cxr.operating_points.site_acceptance import (
    Promise,
    PromiseTest,
    local_points,
    promises_of,
    retest_promises,
    without_withdrawn,
)
from cxr.operating_points.two_sided import LevelPoint, TwoSidedCertificates

__all__ = [
    "ANY_FINDING",
    "Calibrator",
    "Certificate",
    "CertificateAudit",
    "CertificateRefusal",
    "FindingCalibration",
    "LevelPoint",
    "OperatingPointSet",
    "Promise",
    "PromiseTest",
    "Proportion",
    "ScoreReference",
    "SubgroupRate",
    "Triage",
    "TwoSidedCertificates",
    "audit_certificates",
    "fit_calibrator",
    "fit_operating_points",
    "fit_two_sided",
    "local_points",
    "patient_score",
    "promises_of",
    "retest_promises",
    "shift_prevalence",
    "without_withdrawn",
]
