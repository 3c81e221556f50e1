"""Knowledge preservation (KP, Cai 2018): mining must not change what the network already said rightly."""

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from cxr.training.mining import mined


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
