"""How good a model is on held-out patients, with intervals.

- ranking: AUC, average precision, sensitivity at a false-positive rate, for many weightings at once
- bootstrap: patient-cluster resampling of any statistic of image weights
- classification: a whole label space
"""

from cxr.evaluation.bootstrap import Estimate
from cxr.evaluation.classification import ClassificationReport, LabelReport, evaluate_classification

__all__ = ["ClassificationReport", "Estimate", "LabelReport", "evaluate_classification"]
