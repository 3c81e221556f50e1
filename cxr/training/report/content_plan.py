"""From which of the classifier's answers on a report says a finding: fitted on validation images."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cxr.models.tienet import TieNet
from cxr.operating_points.calibration_fit import platt_line
from cxr.training.report.heads import feature_batches

__all__ = ["content_plan_of", "fit_content_plan"]

_AS_GOOD = 0.005


def content_plan_of(labels: Tensor) -> Tensor:
    """The plan (N, C) of reports with these labels (N, C): 1 for what is present or uncertain, else -1."""
    return torch.where((labels == 1) | (labels == -1), 1.0, -1.0)


def fit_content_plan(model: TieNet, features: NDArray[np.float16], labels: NDArray[np.float32]) -> None:
    """Let the model plan each finding from the calibrated probability on that makes the plan's F1 the best.

    One threshold serves every finding (Lipton 2014, arXiv:1402.1892). Were the probabilities exact, it would be half of
    the F1 that it reaches; lines fitted to a few dozen positives are not, so it is searched for. A finding that no
    validation image has, or every one, keeps the classifier's own probability.

    Args:
        model: changed in place.
        features: (N, channels, S, S) of the validation images.
        labels: (N, C) with 1, 0, -1 and NaN; the last two are left out.
    """
    with torch.inference_mode():
        found = [model.classifier_logits(model.patch_features(batch)) for _, batch in feature_batches(features)]
    logits = torch.cat(found).double().numpy()
    slopes, intercepts = np.ones(labels.shape[1]), np.zeros(labels.shape[1])
    known = np.isin(labels, (0, 1))
    for label in range(labels.shape[1]):
        rows = known[:, label]
        truth = labels[rows, label].astype(np.float64)
        if 0 < truth.sum() < len(truth):
            slopes[label], intercepts[label] = platt_line(logits[rows, label], truth)
    calibrated = slopes * logits + intercepts
    threshold = _best_threshold(calibrated[known], labels[known] == 1)
    model.content_plan_slope.copy_(torch.from_numpy(slopes))
    model.content_plan_intercept.copy_(torch.from_numpy(intercepts - threshold))


def _best_threshold(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """The middle of the (N,) scores at which F1 is as good as the best; the highest score where nothing is true.

    Near its best F1 hardly changes over a wide range of scores, and which of them is the best is chance.
    """
    if not truth.any():
        return float(scores.max(initial=0.0))
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(scores) + 1) + truth.sum())
    return float(scores[order][f1 >= f1.max() - _AS_GOOD].mean())
