"""The learning rate of every training: linear warm-up, then half a cosine down to 0."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

__all__ = ["warmup_cosine"]


def warmup_cosine(optimizer: Optimizer, steps: int, warmup_fraction: float) -> LambdaLR:
    """A schedule to be stepped once per optimiser step.

    Args:
        optimizer: whose rates are the highest that are reached.
        steps: of the whole training.
        warmup_fraction: share of the steps over which the rate rises, in [0, 1).
    """
    warmup = round(warmup_fraction * steps)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))

    return LambdaLR(optimizer, factor)
