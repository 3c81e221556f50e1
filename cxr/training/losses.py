"""Multi-label losses that leave unknown labels out."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

UNCERTAIN = -1.0
UncertainPolicy = Literal["ignore", "negative", "positive"]


def resolve_uncertain(labels: Tensor, policy: UncertainPolicy) -> Tensor:
    """Replace -1 by what the policy says; NaN (left out of the loss) stays NaN.

    Args:
        labels: (N, C) with 1, 0, -1 and NaN.
        policy: 'ignore' turns -1 into NaN, 'negative' into 0, 'positive' into 1.

    Returns:
        (N, C) with 1, 0 and NaN.
    """
    value = {"ignore": float("nan"), "negative": 0.0, "positive": 1.0}[policy]
    return torch.where(labels == UNCERTAIN, torch.full_like(labels, value), labels)


def multilabel_loss(logits: Tensor, labels: Tensor, weighted: bool) -> Tensor:
    """Mean binary cross-entropy over the known labels, plain or positive/negative balanced.

    The weighted form is W-CEL (Wang 2017, eq. 1): positives times (P+N)/P and negatives times (P+N)/N, with P and N
    counted over the known labels of the whole batch. It destroys calibration; recalibrate afterwards.

    Args:
        logits: (N, C).
        labels: (N, C) with 1, 0, NaN for unknown.
        weighted: W-CEL instead of plain cross-entropy.

    Returns:
        A scalar; 0 where no label of the batch is known.
    """
    known = ~torch.isnan(labels)
    targets = torch.where(known, labels, torch.zeros_like(labels))
    losses = binary_cross_entropy_with_logits(logits, targets, reduction="none")
    weights = known.to(losses.dtype)
    if weighted:
        positives = (targets * weights).sum()
        total = weights.sum()
        # A batch without positives (or negatives) has no such terms, so the clamp changes nothing but 0/0.
        positive_weight = total / positives.clamp(min=1)
        negative_weight = total / (total - positives).clamp(min=1)
        weights = weights * torch.where(targets > 0, positive_weight, negative_weight)
    return (losses * weights).sum() / known.sum().clamp(min=1)
