"""From which of the trunk's answers on a report says a finding: fitted on validation images."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cxr.models.tienet import TieNet
from cxr.operating_points.calibration_fit import platt_line
from cxr.training.tienet_heads import feature_batches

__all__ = ["asserted", "fit_plan"]


def asserted(labels: Tensor) -> Tensor:
    """The plan (N, C) of reports with these labels (N, C): 1 for what is present or uncertain, else -1."""
    return torch.where((labels == 1) | (labels == -1), 1.0, -1.0)


def fit_plan(model: TieNet, features: NDArray[np.float16], labels: NDArray[np.float32]) -> None:
    """Let the model plan each finding from the calibrated probability on that makes the plan's F1 the best.

    That probability is half of the F1 that it reaches (Lipton 2014, arXiv:1402.1892), the same for every finding: .44
    over a trunk that is nearly right, .17 over a weak one. A finding that no validation image has, or every one, keeps
    the trunk's own probability.

    Args:
        model: changed in place.
        features: (N, channels, S, S) of the validation images.
        labels: (N, C) with 1, 0, -1 and NaN; the last two are left out.
    """
    with torch.inference_mode():
        found = [model.trunk_logits(model.cells(batch)) for _, batch in feature_batches(features)]
    logits = torch.cat(found).double().numpy()
    slopes, intercepts = np.ones(labels.shape[1]), np.zeros(labels.shape[1])
    known = np.isin(labels, (0, 1))
    for label in range(labels.shape[1]):
        rows = known[:, label]
        truth = labels[rows, label].astype(np.float64)
        if 0 < truth.sum() < len(truth):
            slopes[label], intercepts[label] = platt_line(logits[rows, label], truth)
    calibrated = slopes * logits + intercepts
    threshold = _best_f1(calibrated[known], labels[known] == 1) / 2
    model.plan_slope.copy_(torch.from_numpy(slopes))
    model.plan_intercept.copy_(torch.from_numpy(intercepts - np.log(threshold / (1 - threshold))))


def _best_f1(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """The best F1 of any threshold over (N,) scores; 1 where nothing is true, so that little is planned."""
    if not truth.any():
        return 1.0
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truth[order])
    return float((2 * hits / (np.arange(1, len(scores) + 1) + truth.sum())).max())
