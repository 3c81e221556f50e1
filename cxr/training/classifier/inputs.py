"""What a network learns from: augmented images, or the stored maps of each where its backbone is wholly frozen."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from cxr.datasets.cache import ImageCache
from cxr.imaging.augmentation import Augmentation
from cxr.models.backbone import Backbone
from cxr.training.classifier.recipe import Recipe
from cxr.training.shared.batches import PlainImages, TrainingImages
from cxr.training.shared.frozen_features import compute_maps, storable, stored_maps, unchanged


@dataclass(frozen=True)
class Inputs:
    """Training and validation inputs with their labels.

    Attributes:
        training: by (epoch, row).
        validation: by row.
        size: of the images in pixels.
        stored: whether they are maps.
    """

    training: TrainingImages
    validation: PlainImages
    size: int
    stored: bool

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        model: nn.Module,
        training: tuple[ImageCache, NDArray[np.float32], NDArray[np.int64]],
        validation: tuple[ImageCache, NDArray[np.float32]],
        folder: Path,
    ) -> "Inputs":
        """What a recipe shows a model.

        Args:
            recipe: whose augmentation applies.
            model: with its weights loaded and frozen.
            training: images, their labels (N, C) and the quarters (N, C) in which reports put them.
            validation: the same of the validation patients.
            folder: where maps are kept.
        """
        (images, labels, quadrants), (plain, plain_labels) = training, validation
        backbone = model.backbone
        assert isinstance(backbone, Backbone)
        stored = recipe.prior is None and storable(backbone, recipe.augmentation)
        if stored:
            shown = TrainingImages(compute_maps(backbone, images, folder), labels, quadrants, unchanged)
            seen = PlainImages(compute_maps(backbone, plain, folder), plain_labels)
        else:
            shown = TrainingImages(images, labels, quadrants, Augmentation(recipe.augmentation, recipe.seed))
            seen = PlainImages(plain, plain_labels)
        return cls(shown, seen, recipe.image_size, stored)

    def given_to(self, model: nn.Module) -> AbstractContextManager[None]:
        """The context in which the model takes them."""
        return stored_maps(model, self.size) if self.stored else nullcontext()
