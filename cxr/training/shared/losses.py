"""Multi-label losses that leave unknown labels out."""

from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

UNCERTAIN = -1.0
LossKind = Literal["bce", "weighted", "focal", "asymmetric"]
UncertainPolicy = Literal["ignore", "negative", "positive", "soft"]

FOCAL_GAMMA = 2.0
"""The exponent of Lin 2017 (arXiv:1708.02002)."""
ASYMMETRIC_GAMMA, ASYMMETRIC_MARGIN = 4.0, 0.05
"""Negative exponent and probability margin of Ridnik 2021 (arXiv:2009.14119); its positive exponent is 0."""
SOFT_UNCERTAIN = 0.5


class LossConfig(BaseModel):
    """Which loss, what a mined 'uncertain' (-1) counts as, and how far targets are drawn towards one half."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: LossKind = "bce"
    uncertain: UncertainPolicy = "ignore"
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)


def resolve_uncertain(labels: Tensor, policy: UncertainPolicy) -> Tensor:
    """Replace -1 by what the policy says; NaN (left out of the loss) stays NaN.

    Args:
        labels: (N, C) with 1, 0, -1 and NaN.
        policy: 'ignore' turns -1 into NaN, 'negative' into 0, 'positive' into 1, 'soft' into one half.

    Returns:
        (N, C) in [0, 1], or NaN.
    """
    value = {"ignore": float("nan"), "negative": 0.0, "positive": 1.0, "soft": SOFT_UNCERTAIN}[policy]
    return torch.where(labels == UNCERTAIN, torch.full_like(labels, value), labels)


def multilabel_loss(logits: Tensor, targets: Tensor, config: LossConfig) -> Tensor:
    """Mean loss over the known labels.

    Args:
        logits: (N, C).
        targets: (N, C) in [0, 1], NaN for unknown.
        config: the kind of loss, and label smoothing.

    Returns:
        A scalar; 0 where no label of the batch is known.
    """
    known = ~torch.isnan(targets)
    filled = torch.where(known, targets, torch.zeros_like(targets))
    smoothed = filled * (1 - config.label_smoothing) + config.label_smoothing / 2
    losses = _elementwise(logits, smoothed, config.kind)
    weights = known.to(losses.dtype)
    if config.kind == "weighted":
        weights = weights * balance(filled, weights)
    return (losses * weights).sum() / known.sum().clamp(min=1)


def balance(targets: Tensor, known: Tensor) -> Tensor:
    """Weights of W-CEL (Wang 2017, eq. 1): (P+N)/P for positives and (P+N)/N for negatives.

    P and N are counted over the known labels of the whole batch. The weights destroy calibration; recalibrate.

    Args:
        targets: (N, C); above 0 counts as positive.
        known: (N, C), 1 for known labels and 0 for others.
    """
    positives = ((targets > 0) * known).sum()
    total = known.sum()
    # A batch without positives (or negatives) has no such terms, so the clamp changes nothing but 0/0.
    return torch.where(targets > 0, total / positives.clamp(min=1), total / (total - positives).clamp(min=1))


def _elementwise(logits: Tensor, targets: Tensor, kind: LossKind) -> Tensor:
    if kind in ("bce", "weighted"):
        return binary_cross_entropy_with_logits(logits, targets, reduction="none")
    positive, negative = -targets * logsigmoid(logits), -(1 - targets) * logsigmoid(-logits)
    p = torch.sigmoid(logits)
    if kind == "focal":
        return positive * (1 - p) ** FOCAL_GAMMA + negative * p**FOCAL_GAMMA
    # Easy negatives, those below the margin, cost nothing at all.
    shifted = (p - ASYMMETRIC_MARGIN).clamp(min=0)
    return positive - (1 - targets) * torch.log1p(-shifted.clamp(max=1 - 1e-6)) * shifted**ASYMMETRIC_GAMMA
