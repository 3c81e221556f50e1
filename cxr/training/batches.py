"""Cached images and their labels as batches, in an order that depends on the seed and the epoch alone."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from cxr.imaging.augmentation import Augmentation


class Images(Protocol):
    """Anything that gives (size, size) uint8 images by row, like datasets.cache.ImageCache."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> NDArray[np.uint8]: ...


class EpochSampler(Sampler[tuple[int, int]]):
    """Yields (epoch, row): the epoch travels with the row because worker processes hold copies of the dataset."""

    def __init__(self, rows: int, seed: int) -> None:
        self.rows = rows
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of each epoch, also after a resume."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.rows)
        return ((self.epoch, int(row)) for row in order)


class TrainingImages(Dataset[tuple[Tensor, Tensor]]):
    """Augmented images with labels, addressed by (epoch, row)."""

    def __init__(self, images: Images, labels: NDArray[np.float32], augmentation: Augmentation) -> None:
        self.images = images
        self.labels = labels
        self.augmentation = augmentation

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """(1, size, size) uint8 and (C,) float32."""
        epoch, row = key
        image = self.augmentation(np.asarray(self.images[row]), epoch, row)
        return torch.from_numpy(image)[None], torch.from_numpy(self.labels[row])


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


def training_batches(dataset: TrainingImages, order: EpochSampler, batch_size: int, workers: int) -> DataLoader:
    """Batches in the sampler's order; the last incomplete one is left out, as batch norm dislikes tiny batches."""
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=order,
        num_workers=workers,
        drop_last=len(order) >= batch_size,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


def plain_batches(dataset: PlainImages, batch_size: int) -> DataLoader:
    """Batches in the order of the rows."""
    return DataLoader(dataset, batch_size=batch_size)
