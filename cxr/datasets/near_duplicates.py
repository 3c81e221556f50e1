"""The same picture twice: found by its content, so that renaming, re-encoding or resizing does not hide it.

Hashes of 64 bits cannot tell chests apart, which all look alike when small. Here pictures are compared as 48 x 48
thumbnails of unit norm after their smooth part is taken out: what is left are ribs, vessels, markers and noise, which
two exposures do not share. Cropped or mirrored copies are not found.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

__all__ = ["SIMILARITY", "find_pairs", "signature"]

SIDE = 48
SMOOTH = 4.0  # standard deviation of what counts as smooth, in thumbnail pixels
SIMILARITY = 0.96
"""Cosine of two signatures from which pictures count as the same."""
BLOCK = 2048


def signature(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """(48 * 48,) float32 of unit norm; zeros for a picture without any detail.

    Args:
        pixels: (H, W) in [0, 1].
    """
    picture = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.float32))
    small = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX))
    detail = small - ndimage.gaussian_filter(small, SMOOTH)
    norm = float(np.linalg.norm(detail))
    return (detail / norm if norm > 1e-6 else np.zeros_like(detail)).ravel().astype(np.float32)


def find_pairs(
    left: NDArray[np.float32], right: NDArray[np.float32], similarity: float = SIMILARITY
) -> Iterator[tuple[int, int, float]]:
    """Pairs of rows of two signature tables that show the same picture.

    Args:
        left: (N, D).
        right: (M, D).
        similarity: smallest cosine.

    Yields:
        Row of ``left``, row of ``right``, cosine.
    """
    for first in range(0, len(left), BLOCK):
        for second in range(0, len(right), BLOCK):
            cosines = left[first : first + BLOCK] @ right[second : second + BLOCK].T
            for row, column in np.argwhere(cosines >= similarity):
                yield first + int(row), second + int(column), float(cosines[row, column])
