"""How every network here is optimised: the learning rate's schedule, and the averaged weights that a run keeps."""

import math
from functools import partial

from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


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


def moving_average(averaged: Tensor, current: Tensor, _updates: int | Tensor, decay: float) -> Tensor:
    """One step of the average of one tensor."""
    return decay * averaged + (1 - decay) * current


def weight_averaging(decay: float) -> WeightAveraging:
    """The callback that averages after every step.

    Lightning's own moving average holds a closure, which cannot be sent to spawned processes; this one can.

    Args:
        decay: share of the average that each step keeps, in (0, 1).
    """
    return WeightAveraging(avg_fn=partial(moving_average, decay=decay))
