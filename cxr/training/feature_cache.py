"""A frozen trunk's features of every image of a split, computed once."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from cxr.models.classifier import ChestXray8Network
from cxr.training.batches import UINT8_MAX, Images
from nlp_labeler.storage import write_text

__all__ = ["cached_features"]

_BATCH = 32


def cached_features(trunk: ChestXray8Network, weights_sha256: str, images: Images, folder: Path) -> NDArray[np.float16]:
    """(N, channels, S, S) memory map; made anew where the folder holds those of another trunk or other images.

    Args:
        trunk: in evaluation mode.
        weights_sha256: of the trunk's checkpoint.
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
    trunk = trunk.to(device).eval()
    table: np.memmap[Any, np.dtype[np.float16]] | None = None
    with torch.inference_mode():
        for first in track(range(0, len(images), _BATCH), "Computing features", transient=True):
            rows = np.stack([images[row] for row in range(first, min(first + _BATCH, len(images)))])
            found = trunk.features(torch.from_numpy(rows)[:, None].to(device).float() / UINT8_MAX)
            if table is None:
                shape = (len(images), *found.shape[1:])
                table = np.lib.format.open_memmap(target, "w+", np.float16, shape)
            table[first : first + len(rows)] = found.half().cpu().numpy()
    if table is None:
        raise ValueError("there are no images to compute features of")
    table.flush()
    write_text(card, json.dumps(key) + "\n")
    return np.load(target, mmap_mode="r", allow_pickle=False)
