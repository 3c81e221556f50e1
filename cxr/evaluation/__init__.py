"""Metrics with intervals: functions that ``cxr evaluate``, ``cxr benchmark`` and ``benchmarks`` compute figures with.

- ranking: AUC, average precision, sensitivity at a false-positive rate, for many weightings at once
- bootstrap: patient-cluster resampling of any statistic of image weights
- classification, subgroups: a whole label space, over all and by sex, age, view or hospital
- calibration_metrics: Brier score, expected calibration error, reliability curve
- decisions: sensitivity, specificity and predictive values of flagged images
- delong: the paired test of two AUCs
- localization: hit rates by IoU and IoBB, false-positive boxes
"""

from cxr.evaluation.bootstrap import Estimate
from cxr.evaluation.calibration_metrics import CalibrationReport, evaluate_calibration
from cxr.evaluation.classification import ClassificationReport, LabelReport, evaluate_classification
from cxr.evaluation.decisions import DecisionReport, evaluate_decisions
from cxr.evaluation.delong import AucComparison, compare_aucs
from cxr.evaluation.localization import BoxTable, LocalizationReport, evaluate_localization
from cxr.evaluation.subgroups import SubgroupReport, age_band, evaluate_subgroups

__all__ = [
    "AucComparison",
    "BoxTable",
    "CalibrationReport",
    "ClassificationReport",
    "DecisionReport",
    "Estimate",
    "LabelReport",
    "LocalizationReport",
    "SubgroupReport",
    "age_band",
    "compare_aucs",
    "evaluate_calibration",
    "evaluate_classification",
    "evaluate_decisions",
    "evaluate_localization",
    "evaluate_subgroups",
]
