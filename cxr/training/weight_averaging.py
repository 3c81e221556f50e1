"""An exponential moving average of the weights, which is what a run keeps."""

from functools import partial

from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


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
