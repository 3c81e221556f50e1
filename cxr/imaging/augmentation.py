"""Random but replayable changes to a training image: the same key always gives the same picture.

Chests are not mirrored by default: the side of the heart and of a finding carries meaning.
"""

import os
from typing import Any

# albumentations asks the network for its newest version on import; this project makes no network calls.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

import albumentations
import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

# One image per worker process: OpenCV's own threads would fight over the same cores.
cv2.setNumThreads(1)


class AugmentationConfig(BaseModel):
    """Ranges of the random changes; 0 switches one off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rotate_degrees: float = Field(default=7.0, ge=0, le=45)
    scale: float = Field(default=0.1, ge=0, lt=1)
    translate: float = Field(default=0.05, ge=0, lt=1)
    brightness: float = Field(default=0.15, ge=0, le=1)
    contrast: float = Field(default=0.15, ge=0, le=1)
    gamma: float = Field(default=0.2, ge=0, lt=1)
    mirror_probability: float = Field(default=0.0, ge=0, le=1)


class Augmentation:
    """Applies the configured changes to one image.

    Args:
        config: the ranges.
        seed: part of every key, so that two runs with different seeds differ.
    """

    def __init__(self, config: AugmentationConfig, seed: int) -> None:
        self.seed = seed
        gamma = (round(100 * (1 - config.gamma)), round(100 * (1 + config.gamma)))
        steps: list[Any] = [
            albumentations.Affine(
                scale=(1 - config.scale, 1 + config.scale),
                translate_percent=(-config.translate, config.translate),
                rotate=(-config.rotate_degrees, config.rotate_degrees),
                p=1.0,
            ),
            albumentations.RandomBrightnessContrast(
                brightness_limit=config.brightness, contrast_limit=config.contrast, p=0.8
            ),
            albumentations.RandomGamma(gamma_limit=gamma, p=0.5),
        ]
        if config.mirror_probability:
            steps.append(albumentations.HorizontalFlip(p=config.mirror_probability))
        self.transform = albumentations.Compose(steps)

    def __call__(self, image: NDArray[np.uint8], epoch: int, index: int) -> NDArray[np.uint8]:
        """The change that (seed, epoch, index) stands for, whatever ran before or in which process.

        Args:
            image: (H, W) uint8.
            epoch: epoch number, >= 0.
            index: row of the image in its dataset, >= 0.

        Returns:
            (H, W) uint8.
        """
        key = np.random.SeedSequence([self.seed, epoch, index]).generate_state(1)[0]
        self.transform.set_random_seed(int(key))
        changed: NDArray[np.uint8] = self.transform(image=image)["image"]
        return changed
