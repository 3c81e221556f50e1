"""Attention guidance (Tang 2018): confident positives become seeds whose heatmaps a second path regresses."""

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from cxr.models.classifier import ModelOutput


class GuidanceConfig(BaseModel):
    """When seeds are first taken, how sure the network must be of one, and the weight of their regression.

    From ``from_epoch`` on, each epoch begins with a frozen copy of the network; its class maps of the positives that it
    scores at least ``confidence`` are the seeds. As confidence is re-scored every epoch, the seed set grows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    from_epoch: int = Field(default=2, ge=0)
    confidence: float = Field(default=0.5, gt=0, lt=1)
    weight: float = Field(default=1.0, gt=0)


def guidance_loss(regressed: Tensor, teacher: ModelOutput, targets: Tensor, confidence: float) -> Tensor:
    """Mean squared distance of the regressed maps to the seeds, and to nothing at all where the finding is absent.

    Args:
        regressed: (N, C, S, S) logits of the regression path.
        teacher: of the frozen copy, on the same augmented images, so that maps and images stay aligned.
        targets: (N, C) in [0, 1], NaN for unknown.
        confidence: least probability of a seed.

    Returns:
        A scalar; 0 where the batch has neither seeds nor negatives.
    """
    seeds = (targets > 0.5) & (torch.sigmoid(teacher.logits) >= confidence)
    absent = targets < 0.5
    low = teacher.seed_maps.amin(dim=(2, 3), keepdim=True)
    span = (teacher.seed_maps.amax(dim=(2, 3), keepdim=True) - low).clamp(min=1e-6)
    heat = torch.where(seeds[:, :, None, None], (teacher.seed_maps - low) / span, torch.zeros_like(regressed))
    squares = (torch.sigmoid(regressed) - heat).square().mean(dim=(2, 3))
    used = seeds | absent
    # Seeds and negatives weigh the same: a label's negatives are many, and would teach empty maps.
    parts = [squares[chosen].mean() for chosen in (seeds, absent) if bool(chosen.any())]
    return torch.stack(parts).mean() if bool(used.any()) else squares.sum() * 0
