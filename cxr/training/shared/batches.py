"""Cached images and their labels as batches, in an order that depends on the seed and the epoch alone."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed
from torch.utils.data import DataLoader, Dataset, Sampler

from cxr.imaging.augmentation import Augmentation

UINT8_MAX = 255.0
"""What pixels are divided by on their way into a network."""


class Images(Protocol):
    """Anything that gives what the network takes by row: (size, size) uint8 images, like datasets.cache.ImageCache."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> NDArray[Any]: ...


Change = Callable[[NDArray[Any], int, int], NDArray[Any]]
"""(image, epoch, row) -> the image as that epoch shows it, like imaging.augmentation.Augmentation."""


def share() -> tuple[int, int]:
    """Place of this process among those that train together, and their number; 0 and 1 where it trains alone."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


class EpochSampler(Sampler[tuple[int, int]]):
    """Yields (epoch, row): the epoch is given with the row because worker processes hold copies of the dataset.

    Processes that train together take turns at the order: together they see each row of it once, but for the last ones
    where their number does not divide it.
    """

    def __init__(self, rows: int, seed: int) -> None:
        self.rows = rows
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of each epoch, also after a resume."""
        self.epoch = epoch

    def order(self, random: np.random.Generator) -> NDArray[np.int64]:
        """(rows,) what an epoch shows, in all processes together."""
        return random.permutation(self.rows)

    def __len__(self) -> int:
        return self.rows // share()[1]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = self.order(np.random.default_rng([self.seed, self.epoch]))
        rank, processes = share()
        own = order[rank::processes][: len(self)]
        return ((self.epoch, int(row)) for row in own)


class TrainingImages(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Augmented images with labels and the quarters in which reports put them, addressed by (epoch, row).

    Args:
        images: N.
        labels: (N, C).
        quadrants: (N, C) as of cxr.training.classifier.report_localization.report_quadrants.
        augmentation: of each image.
    """

    def __init__(
        self, images: Images, labels: NDArray[np.float32], quadrants: NDArray[np.int64], augmentation: Change
    ) -> None:
        self.images = images
        self.labels = labels
        self.quadrants = quadrants
        self.augmentation = augmentation

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        """(1, size, size) uint8, (C,) float32 and (C,) int64."""
        epoch, row = key
        image = self.augmentation(np.asarray(self.images[row]), epoch, row)
        return torch.from_numpy(image)[None], torch.from_numpy(self.labels[row]), torch.from_numpy(self.quadrants[row])


class PlainImages(Dataset[tuple[Tensor, Tensor]]):
    """Images as the clinic sees them, with labels, by row."""

    def __init__(self, images: Images, labels: NDArray[np.float32]) -> None:
        self.images = images
        self.labels = labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        """(1, size, size) uint8 and (C,) float32."""
        return torch.from_numpy(np.array(self.images[row]))[None], torch.from_numpy(self.labels[row])


def training_batches(
    dataset: TrainingImages, order: EpochSampler, batch_size: int, workers: int, processes: int = 1
) -> DataLoader:
    """Batches in the sampler's order; the last incomplete one is left out, as batch norm dislikes tiny batches.

    Args:
        dataset: what the order's rows address.
        order: of all processes together.
        batch_size: of all processes together.
        workers: loader processes of each.
        processes: that train together; their number divides the batch size.
    """
    return DataLoader(
        dataset,
        batch_size=batch_size // processes,
        sampler=order,
        num_workers=workers,
        drop_last=order.rows >= batch_size,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


def plain_batches(dataset: PlainImages, batch_size: int) -> DataLoader:
    """Batches in the order of the rows."""
    return DataLoader(dataset, batch_size=batch_size)


class AugmentedImages:
    """Every image augmented as in one epoch of training, as a frozen network has not seen it.

    Args:
        images: as they are.
        augmentation: what changes them.
        epoch: which change, >= 0.
    """

    def __init__(self, images: Images, augmentation: Augmentation, epoch: int) -> None:
        self.images, self.augmentation, self.epoch = images, augmentation, epoch

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """(size, size) uint8."""
        return self.augmentation(np.asarray(self.images[index]), self.epoch, index)
