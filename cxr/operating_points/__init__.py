"""Thresholds a clinic can trust: fitted, named, certified, bound to one model.

- calibration, calibration_fit: logits to probabilities, and how that map is fitted
- neyman_pearson: order-statistic thresholds with a finite-sample guarantee
- learn_then_test: rule-out thresholds tested in sequence
- sampling: one image per patient
- certificate: what is promised about one threshold, or why nothing is
- triage: refer, read or none
- calibration_data: what thresholds are fitted on
- certify, fitting: one threshold, and all of a model's
- operating_point_set, sealed_file: what was fitted, and the file that holds it
- score_reference: how the calibration set scored
- recheck: whether a certificate still holds on new local patients
"""

from cxr.operating_points.calibration import Calibrator, FindingCalibration, shift_prevalence
from cxr.operating_points.calibration_fit import fit_calibrator
from cxr.operating_points.certificate import Certificate, Proportion, Refusal, SubgroupRate
from cxr.operating_points.fitting import fit_operating_points
from cxr.operating_points.operating_point_set import OperatingPointSet
from cxr.operating_points.recheck import ANY_FINDING, Recheck, recheck
from cxr.operating_points.score_reference import ScoreReference
from cxr.operating_points.triage import Triage, patient_score

__all__ = [
    "ANY_FINDING",
    "Calibrator",
    "Certificate",
    "FindingCalibration",
    "OperatingPointSet",
    "Proportion",
    "Recheck",
    "Refusal",
    "ScoreReference",
    "SubgroupRate",
    "Triage",
    "fit_calibrator",
    "fit_operating_points",
    "patient_score",
    "recheck",
    "shift_prevalence",
]
