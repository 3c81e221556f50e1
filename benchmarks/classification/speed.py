"""Training images per second: the shipped recipe beside the naive loop, in one run on the same images.

The naive loop decodes, resamples and augments every image anew in the process that trains, and trains every layer. NIH
publishes its images as PNG files of 1,024 pixels; the 256-pixel copies are enlarged to that size to stand for them.
"""

import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmarks.classification.trained import SHIPPED
from benchmarks.record import Row, line
from cxr.datasets.cache import ImageCache
from cxr.datasets.dataset import Dataset
from cxr.imaging.augmentation import Augmentation
from cxr.imaging.preprocessing import prepare
from cxr.imaging.reading import read_radiograph
from cxr.models.factory import build_model
from cxr.training.classifier.predictions import label_matrix
from cxr.training.classifier.recipe import LABEL_SETS, Recipe, load_recipe
from cxr.training.classifier.report_localization import UNLOCALIZED
from cxr.training.classifier.train import default_workers
from cxr.training.shared.batches import UINT8_MAX, EpochSampler, TrainingImages, training_batches
from cxr.training.shared.losses import multilabel_loss

__all__ = ["speed_rows"]

IMAGES, WARM, SIDE = 256, 2, 1024


class FromFiles:
    """Images decoded and resampled each time they are asked for."""

    def __init__(self, paths: list[Path], size: int) -> None:
        self.paths = paths
        self.size = size

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
        radiograph = read_radiograph(self.paths[row])
        return prepare(radiograph.pixels, self.size, radiograph.metadata.pixel_aspect)[0]


def enlarged(dataset: Dataset, folder: Path) -> Dataset:
    """The dataset's images as PNG files of SIDE pixels."""
    paths = []
    for row, path in enumerate(dataset.records["path"]):
        with Image.open(path) as image:
            target = folder / f"{row}.png"
            image.convert("L").resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(target)
        paths.append(str(target))
    larger = dataset.where(dataset.records["path"].notna())
    larger.records["path"] = paths
    return larger


def images_per_second(batches: Iterable[list[Tensor]], model: nn.Module, recipe: Recipe) -> float:
    """Forward, backward and step over all batches; the first WARM are not timed."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = model.to(memory_format=torch.channels_last).to(device).train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 1e-3)
    started, seen = 0.0, 0
    for number, (images, labels, _) in enumerate(batches):
        if number == WARM:
            started, seen = time.perf_counter(), 0
        logits = model(images.to(device).float() / UINT8_MAX).logits
        optimizer.zero_grad(set_to_none=True)
        multilabel_loss(logits, labels.to(device), recipe.loss).backward()
        optimizer.step()
        seen += len(images)
    if device.type == "cuda":  # wait for what is still queued
        torch.cuda.synchronize(device)
    return seen / (time.perf_counter() - started)


def _network(recipe: Recipe, weights: Path, *, frozen: bool) -> nn.Module:
    model = build_model(recipe.model, LABEL_SETS[recipe.labels])
    model.backbone.load_weights(weights)  # type: ignore[operator, union-attr]  # every network has a Backbone
    if frozen:
        model.backbone.freeze(recipe.frozen)  # type: ignore[operator, union-attr]
    return model


def speed_rows(dataset: Dataset, weights: Path) -> list[Row]:
    """Images per second of each loop, and the ratio to the naive one."""
    recipe = load_recipe(SHIPPED)
    training = dataset.subset("train")
    some = training.where(training.records.index.to_series() < IMAGES)
    names = LABEL_SETS[recipe.labels]
    order = EpochSampler(IMAGES, recipe.seed)
    augmentation = Augmentation(recipe.augmentation, recipe.seed)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        larger = enlarged(some, Path(scratch))
        labels = label_matrix(larger, names)
        nowhere = np.full(labels.shape, UNLOCALIZED)
        files = FromFiles([Path(path) for path in larger.records["path"]], recipe.image_size)
        naive = DataLoader(
            TrainingImages(files, labels, nowhere, augmentation), recipe.optimization.batch_size, sampler=order
        )
        cache = ImageCache.build(larger, recipe.image_size, Path(scratch) / "cache", workers=default_workers())
        cached = TrainingImages(cache, labels, nowhere, augmentation)
        quick = training_batches(cached, order, recipe.optimization.batch_size, default_workers())
        speeds = {
            "naive loop": images_per_second(naive, _network(recipe, weights, frozen=False), recipe),
            "with the cache and loader processes": images_per_second(
                quick, _network(recipe, weights, frozen=False), recipe
            ),
            f"recipe {SHIPPED}: early filters kept too": images_per_second(
                quick, _network(recipe, weights, frozen=True), recipe
            ),
        }
    for name, speed in speeds.items():
        rows += line(
            "training-speed",
            name,
            {"images per second": speed, "x naive": speed / speeds["naive loop"]},
            n=IMAGES,
            unit_of_n="images",
            data=f"NIH images as PNG of {SIDE} pixels, {recipe.image_size}-pixel input, "
            f"{'GPU' if torch.cuda.is_available() else f'{torch.get_num_threads()} CPU thread(s)'}",
        )
    return rows
