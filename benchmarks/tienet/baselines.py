"""Reports that need no generator."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from cxr.models.classifier import ChestXray8Network
from cxr.training.report.heads import feature_batches

__all__ = ["always_normal", "nearest_neighbour"]

NORMAL = "FINDINGS: The heart is normal in size. The lungs are clear. No pleural effusion or pneumothorax.\n"
NORMAL += "IMPRESSION: No acute cardiopulmonary disease."


def always_normal(count: int) -> list[str]:
    """The same normal report for everyone."""
    return [NORMAL] * count


def nearest_neighbour(
    classifier: ChestXray8Network,
    library: NDArray[np.float16],
    texts: Sequence[str],
    queries: NDArray[np.float16],
) -> list[str]:
    """For each query the report of the training image that the classifier embeds nearest (cosine).

    Args:
        classifier: whose features these are.
        library: (M, channels, S, S) of the training images.
        texts: M reports.
        queries: (N, channels, S, S) of held-out images.
    """
    nearest = (_embeddings(classifier, queries) @ _embeddings(classifier, library).T).argmax(axis=1)
    return [texts[int(row)] for row in nearest]


def _embeddings(classifier: ChestXray8Network, features: NDArray[np.float16]) -> NDArray[np.float32]:
    """(N, D), of length 1."""
    with torch.inference_mode():
        parts = [classifier.classify(batch).embedding.numpy() for _, batch in feature_batches(features)]
    found = np.concatenate(parts)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))
