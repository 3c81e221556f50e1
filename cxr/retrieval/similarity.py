"""The most similar of a few vectors in memory."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["most_similar"]


def most_similar(query: NDArray[np.float32], vectors: NDArray[np.float32], k: int) -> list[tuple[int, float]]:
    """Rows of ``vectors`` by falling cosine to ``query``.

    Args:
        query: (D,).
        vectors: (N, D); a vector of zeros is similar to nothing.
        k: how many at most.

    Returns:
        (row, cosine in [-1, 1]) pairs.
    """
    norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
    cosines = np.divide(vectors @ query, norms, out=np.zeros(len(vectors), dtype=np.float32), where=norms > 0)
    order = np.argsort(-cosines, kind="stable")[:k]
    return [(int(row), float(cosines[row])) for row in order]
