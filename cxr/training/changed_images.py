"""Training images as a frozen network has not seen them."""

import numpy as np
from numpy.typing import NDArray

from cxr.imaging.augmentation import Augmentation
from cxr.training.batches import Images

__all__ = ["ChangedImages"]


class ChangedImages:
    """Every image changed as in one epoch of training.

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
