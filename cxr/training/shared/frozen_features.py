"""What a frozen network gives of every image, computed once and kept on disk."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor, nn

from cxr.imaging.augmentation import AugmentationConfig
from cxr.models.backbone import Backbone
from cxr.models.classifier import ChestXray8Network, ImageClassifier
from cxr.training.shared.batches import UINT8_MAX, Images
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


def compute_maps(backbone: Backbone, images: Images, folder: Path) -> NDArray[np.float16]:
    """(N, L) memory map: the maps of each image, flat and in a row.

    Args:
        backbone: wholly frozen.
        images: network inputs.
        folder: where the maps are kept, under a name that hangs on the backbone's weights and on the images.
    """
    weights = hashlib.sha256(f"{backbone.stages}".encode())
    for tensor in backbone.state_dict().values():
        weights.update(tensor.cpu().numpy().tobytes())
    target = folder / f"{hashlib.sha256((weights.hexdigest() + _digest(images)).encode()).hexdigest()[:32]}.npy"
    if not target.is_file():
        _store(
            backbone,
            lambda batch: torch.cat([part.flatten(1) for part in _several(backbone(batch))], dim=1),
            images,
            target,
        )
    return np.load(target, mmap_mode="r", allow_pickle=False)


def cached_features(
    classifier: ChestXray8Network, weights_sha256: str, images: Images, folder: Path
) -> NDArray[np.float16]:
    """(N, channels, S, S) memory map; made anew where the folder holds those of another classifier or other images.

    Args:
        classifier: whose weights stay as they are.
        weights_sha256: of the classifier's checkpoint.
        images: the split's network inputs.
        folder: where the map is kept.
    """
    target, card = folder / "features.npy", folder / "features.json"
    key = {"weights_sha256": weights_sha256, "images_sha256": _digest(images)}
    if not (target.is_file() and card.is_file() and json.loads(card.read_text()) == key):
        card.unlink(missing_ok=True)
        _store(classifier, classifier.features, images, target)
        write_text(card, json.dumps(key) + "\n")
    return np.load(target, mmap_mode="r", allow_pickle=False)


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


def _store(network: nn.Module, look: Callable[[Tensor], Tensor], images: Images, target: Path) -> None:
    """Write what a network gives of each image, in half precision."""
    if not len(images):
        raise ValueError("there are no images to compute features of")
    target.parent.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device).eval()
    with torch.inference_mode(), atomic_path(target) as temporary:
        table: np.memmap[Any, np.dtype[np.float16]] | None = None
        for first in track(range(0, len(images), _BATCH), "Computing features", transient=True):
            rows = np.stack([images[row] for row in range(first, min(first + _BATCH, len(images)))])
            found = look(torch.from_numpy(rows)[:, None].to(device).float() / UINT8_MAX).half().cpu().numpy()
            if table is None:
                table = np.lib.format.open_memmap(temporary, "w+", np.float16, (len(images), *found.shape[1:]))
            table[first : first + len(rows)] = found
        if table is not None:
            table.flush()


def _digest(images: Images) -> str:
    """sha256 of all pixels."""
    digest = hashlib.sha256(str(len(images)).encode())
    for row in range(len(images)):
        digest.update(images[row].tobytes())
    return digest.hexdigest()


def _several(maps: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return maps if isinstance(maps, tuple) else (maps,)
