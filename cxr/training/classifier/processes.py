"""Training in several processes that share every batch: gradients are averaged, so all hold the same weights.

Each process takes every n-th image of the sampler's order and an n-th of the recipe's batch size. A step therefore sees
the very images that it sees in one process, and seeds, schedules and the number of steps keep their meaning. Batch norm
alone differs: each process normalises by its own share of the batch, and the statistics kept are those of the first.
"""

import torch
from lightning.pytorch.strategies import DDPStrategy

from cxr.errors import ConfigError
from cxr.training.classifier.recipe import Recipe


def check_processes(processes: int, recipe: Recipe) -> None:
    """Refuse a number of processes that cannot share the recipe's batches.

    Raises:
        ConfigError: if it is below 1, does not divide the batch size, or exceeds the number of GPUs where there is one.
    """
    batch = recipe.optimization.batch_size
    if processes < 1 or batch % processes:
        raise ConfigError(f"processes {processes} cannot share batches of {batch}; give a divisor of {batch}")
    gpus = torch.cuda.device_count()
    if gpus and processes > gpus:
        raise ConfigError(f"processes {processes} need a GPU each, and there are {gpus}; give at most {gpus}")


def strategy(processes: int) -> DDPStrategy | str:
    """How Lightning is to run them: spawned, so that a caller need not be a script that can be started again."""
    if processes == 1:
        return "auto"
    # A backbone's layers behind the last stage that is read have no gradient, nor do parts that a method switches on
    # later in the epochs before it.
    return DDPStrategy(start_method="spawn", find_unused_parameters=True)
