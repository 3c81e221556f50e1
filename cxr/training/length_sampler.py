"""Rows in an order in which neighbours are of similar length, so that batches carry little padding."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

__all__ = ["LengthSampler"]

_WINDOW = 8  # batches that are sorted together: enough to save padding, few enough to keep batches mixed


class LengthSampler(Sampler[tuple[int, int]]):
    """Yields (epoch, row), each row once, in an order that depends on seed and epoch alone.

    Args:
        lengths: words of each row.
        batch_size: consecutive rows that will form a batch.
        seed: of the order.
    """

    def __init__(self, lengths: NDArray[np.integer], batch_size: int, seed: int) -> None:
        self.lengths = lengths
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of each epoch, also after a resume."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        order = rng.permutation(len(self.lengths))
        window = _WINDOW * self.batch_size
        batches: list[NDArray[np.integer]] = []
        for first in range(0, len(order), window):
            rows = order[first : first + window]
            rows = rows[np.argsort(self.lengths[rows], kind="stable")]
            batches += np.split(rows, range(self.batch_size, len(rows), self.batch_size))
        whole = [batch for batch in batches if len(batch) == self.batch_size]
        rest = [batch for batch in batches if len(batch) < self.batch_size]
        arranged = [whole[i] for i in rng.permutation(len(whole))] + rest
        return ((self.epoch, int(row)) for batch in arranged for row in batch)
