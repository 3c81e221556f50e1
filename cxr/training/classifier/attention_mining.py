"""Attention mining and knowledge preservation (AM and KP, Cai 2018).

The later steps must find what the first did not look at, and must not change what the network already said rightly.
"""

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from cxr.training.shared.losses import LossConfig, multilabel_loss


class MiningTraining(BaseModel):
    """When mining starts, and the weight of the later steps' loss."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    from_epoch: int = Field(default=2, ge=0)
    weight: float = Field(default=1.0, gt=0)


def mined(first_logits: Tensor, targets: Tensor) -> Tensor:
    """(N, C) bool: the correctly predicted positives, whose salient cells are worth hiding."""
    return (targets > 0.5) & (first_logits > 0)


def mining_loss(step_logits: Tensor, targets: Tensor, config: LossConfig) -> Tensor:
    """Loss of the steps after the first, on mined positives and on negatives.

    A positive that the first step missed has no evidence to hide, so the later steps are not asked about it.

    Args:
        step_logits: (N, T, C).
        targets: (N, C) in [0, 1], NaN for unknown.
        config: as for the first step.

    Returns:
        A scalar, the mean over the T - 1 steps; 0 if there is one step.
    """
    asked = mined(step_logits[:, 0].detach(), targets) | (targets < 0.5)
    kept = torch.where(asked, targets, torch.full_like(targets, float("nan")))
    losses = [multilabel_loss(logits, kept, config) for logits in step_logits[:, 1:].unbind(dim=1)]
    return torch.stack(losses).mean() if losses else step_logits.new_zeros(())


class PreservationConfig(BaseModel):
    """Weight of the distance to the network as it was when mining began."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weight: float = Field(default=0.1, gt=0)


def preservation_loss(logits: Tensor, original: Tensor, targets: Tensor) -> Tensor:
    """Mean squared change of the responses that mining did not act on: unmined positives, negatives and unknowns.

    Args:
        logits: (N, C) of the first step now.
        original: (N, C) of the frozen network.
        targets: (N, C) in [0, 1], NaN for unknown.
    """
    kept = ~mined(original, targets)
    squares = (logits - original).square()
    return torch.where(kept, squares, torch.zeros_like(squares)).sum() / kept.sum().clamp(min=1)
