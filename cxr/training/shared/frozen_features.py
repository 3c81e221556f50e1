"""What a frozen network gives of every image, computed once and kept on disk."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor, nn

from cxr.datasets.cache import ImageCache
from cxr.imaging.augmentation import AugmentationConfig
from cxr.models.backbone import Backbone
from cxr.models.classifier import ChestXray8Network, ImageClassifier
from cxr.training.shared.batches import UINT8_MAX, Images, PlainImages, plain_batches
from nlp_labeler.storage import atomic_path, write_text

_BATCH = 32


class StoredMaps(nn.Module):
    """Stands in the backbone's place while what lies above it is trained: it is given rows of maps, not images.

    Args:
        shapes: (c_i, S_i, S_i) of each of the backbone's maps; one alone where it gives no tuple.
        several: whether it gives a tuple.
    """

    def __init__(self, shapes: list[tuple[int, ...]], several: bool) -> None:
        super().__init__()
        self.shapes = shapes
        self.several = several

    def forward(self, rows: Tensor) -> Tensor | tuple[Tensor, ...]:
        """(N, 1, L) rows, divided by 255 as images are on their way in -> what the backbone gave."""
        flat = rows.flatten(1) * UINT8_MAX
        parts = flat.split([int(np.prod(shape)) for shape in self.shapes], dim=1)
        maps = tuple(part.unflatten(1, shape) for part, shape in zip(parts, self.shapes, strict=True))
        return maps if self.several else maps[0]


def storable(backbone: Backbone, augmentation: AugmentationConfig) -> bool:
    """Whether every epoch would show the same maps: no weight of the backbone learns, and no image is changed."""
    frozen = not any(parameter.requires_grad for parameter in backbone.parameters())
    return frozen and not any(augmentation.model_dump().values())


def unchanged(image: NDArray[Any], epoch: int, row: int) -> NDArray[Any]:  # noqa: ARG001  in augmentation's place
    """What stands in the augmentation's place."""
    return image


def compute_maps(backbone: Backbone, images: ImageCache, folder: Path) -> NDArray[np.float16]:
    """(N, L) memory map: the maps of each image, flat and in a row.

    Args:
        backbone: wholly frozen.
        images: network inputs.
        folder: where the maps are kept, under a name that hangs on the backbone's weights and on the images.
    """
    target = folder / f"{_key(backbone, images)}.npy"
    if target.is_file():
        return np.load(target, mmap_mode="r", allow_pickle=False)
    folder.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    backbone = backbone.to(device).eval()
    table, first = None, 0
    batches = plain_batches(PlainImages(images, np.zeros((len(images), 0), np.float32)), _BATCH)
    with torch.inference_mode(), atomic_path(target) as temporary:
        for batch, _ in track(batches, description="maps of the frozen backbone", transient=True):
            maps = _several(backbone(batch.to(device).float() / UINT8_MAX))
            rows = torch.cat([found.flatten(1) for found in maps], dim=1).half().cpu().numpy()
            if table is None:
                table = np.lib.format.open_memmap(temporary, "w+", np.float16, (len(images), rows.shape[1]))
            table[first : first + len(rows)] = rows
            first += len(rows)
        if table is None:
            raise ValueError("there are no images to compute maps of")
        table.flush()
    return np.load(target, mmap_mode="r", allow_pickle=False)


def _key(backbone: Backbone, images: ImageCache) -> str:
    digest = hashlib.sha256(f"{backbone.stages} {images.pixels.shape}".encode())
    for weights in backbone.state_dict().values():
        digest.update(weights.cpu().numpy().tobytes())
    for row in range(len(images)):
        digest.update(images[row].tobytes())
    return digest.hexdigest()[:32]


@contextmanager
def stored_maps(model: ImageClassifier, size: int) -> Iterator[None]:
    """For the while of the context, the model takes rows of :func:`compute_maps` in the place of images.

    Args:
        model: with a backbone for images of ``size`` pixels a side.
        size: of its input.
    """
    network = model.unified
    backbone = network.backbone
    with torch.inference_mode():
        found = backbone.eval()(torch.zeros(1, 1, size, size, device=next(backbone.parameters()).device))
    shapes = [tuple(part.shape[1:]) for part in _several(found)]
    network.backbone = StoredMaps(shapes, isinstance(found, tuple))  # type: ignore[assignment]  # gives what it gave
    try:
        yield
    finally:
        network.backbone = backbone


def _several(maps: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return maps if isinstance(maps, tuple) else (maps,)


def cached_features(
    classifier: ChestXray8Network, weights_sha256: str, images: Images, folder: Path
) -> NDArray[np.float16]:
    """(N, channels, S, S) memory map; made anew where the folder holds others.

    Args:
        classifier: in evaluation mode.
        weights_sha256: of the classifier's checkpoint.
        images: the split's network inputs.
        folder: where the map is kept.
    """
    target, card = folder / "features.npy", folder / "features.json"
    digest = hashlib.sha256()
    for row in range(len(images)):
        digest.update(images[row].tobytes())
    key = {"weights_sha256": weights_sha256, "images_sha256": digest.hexdigest()}
    if target.is_file() and card.is_file() and json.loads(card.read_text()) == key:
        return np.load(target, mmap_mode="r", allow_pickle=False)
    folder.mkdir(parents=True, exist_ok=True)
    card.unlink(missing_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    classifier = classifier.to(device).eval()
    table: np.memmap[Any, np.dtype[np.float16]] | None = None
    with torch.inference_mode():
        for first in track(range(0, len(images), _BATCH), "Computing features", transient=True):
            rows = np.stack([images[row] for row in range(first, min(first + _BATCH, len(images)))])
            found = classifier.features(torch.from_numpy(rows)[:, None].to(device).float() / UINT8_MAX)
            if table is None:
                shape = (len(images), *found.shape[1:])
                table = np.lib.format.open_memmap(target, "w+", np.float16, shape)
            table[first : first + len(rows)] = found.half().cpu().numpy()
    if table is None:
        raise ValueError("there are no images to compute features of")
    table.flush()
    write_text(card, json.dumps(key) + "\n")
    return np.load(target, mmap_mode="r", allow_pickle=False)
