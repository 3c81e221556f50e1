"""How Lightning trains every network here: the rate's schedule, weight averaging, a quiet trainer, resuming."""

import logging
import math
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader


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


def quiet_trainer(**settings: Any) -> lightning.Trainer:
    """A Lightning trainer without its banners and summaries, which are not about this run.

    Args:
        **settings: of ``lightning.Trainer``.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    return lightning.Trainer(
        accelerator="auto",
        log_every_n_steps=10,
        enable_model_summary=False,
        use_distributed_sampler=False,
        **settings,
    )


def fit_resumed(
    trainer: lightning.Trainer,
    module: lightning.LightningModule,
    last: Path,
    batches: DataLoader,
    *validation: DataLoader,
) -> None:
    """Fit a module, from a resume file where there is one.

    Args:
        trainer: with the epochs to reach.
        module: to be trained.
        last: the resume file, read back with weights only.
        batches: of training.
        *validation: of validation, if any.
    """
    with warnings.catch_warnings():
        # Lightning's advice on loader processes and logging intervals, and its use of a deprecated torch name.
        warnings.filterwarnings("ignore", module=r"lightning\..*")
        trainer.fit(module, batches, *validation, ckpt_path=last if last.exists() else None, weights_only=True)
