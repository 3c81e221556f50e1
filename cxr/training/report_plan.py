"""From which of the trunk's answers on a report says a finding: fitted on validation images."""

from collections.abc import Sequence

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
    """Calibrate what the trunk says, so that the plan's probability means the same for every finding and trunk.

    A finding that no validation image has, or every one, keeps the trunk's own probability.

    Args:
        model: changed in place.
        features: (N, channels, S, S) of the validation images.
        labels: (N, C) with 1, 0, -1 and NaN; the last two are left out.
    """
    with torch.inference_mode():
        found: Sequence[Tensor] = [model.trunk_logits(model.cells(batch)) for _, batch in feature_batches(features)]
    logits = torch.cat(list(found)).double().numpy()
    for label in range(labels.shape[1]):
        known = np.isin(labels[:, label], (0, 1))
        truth = labels[known, label].astype(np.float64)
        if 0 < truth.sum() < len(truth):
            slope, intercept = platt_line(logits[known, label], truth)
            model.plan_slope[label], model.plan_intercept[label] = slope, intercept
