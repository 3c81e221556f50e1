"""Reports that need no generator."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cxr.datasets.cache import ImageCache
from cxr.datasets.dataset import Dataset
from cxr.models.checkpoint import load_checkpoint
from cxr.training.module import UINT8_MAX
from cxr.training.train_report import report_texts

__all__ = ["always_normal", "nearest_neighbour"]

NORMAL = "FINDINGS: The heart is normal in size. The lungs are clear. No pleural effusion or pneumothorax.\n"
NORMAL += "IMPRESSION: No acute cardiopulmonary disease."
_BATCH = 32


def always_normal(count: int) -> list[str]:
    """The same normal report for everyone."""
    return [NORMAL] * count


def nearest_neighbour(run: Path, train: Dataset, test: Dataset) -> list[str]:
    """For each test image the report of the training image that a classifier embeds nearest (cosine).

    Args:
        run: of the classifier, with its image caches.
        train: with reports; images without one are left out.
        test: held out.
    """
    texts = report_texts(train)
    told = np.array([bool(text) for text in texts])
    library, queries = _embeddings(run, train, "train"), _embeddings(run, test, "test")
    nearest = np.where(told, queries @ library.T, -np.inf).argmax(axis=1)
    return [texts[int(row)] for row in nearest]


def _embeddings(run: Path, dataset: Dataset, name: str) -> NDArray[np.float32]:
    """(N, D), of length 1."""
    model, card = load_checkpoint(run)
    images = ImageCache.build(dataset, card.image_size, run / "cache" / name)
    parts = []
    with torch.inference_mode():
        for first in range(0, len(images), _BATCH):
            batch = torch.from_numpy(np.asarray(images.pixels[first : first + _BATCH]))[:, None].float() / UINT8_MAX
            parts.append(model(batch).embedding.numpy())
    found = np.concatenate(parts)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))
