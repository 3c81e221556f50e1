"""The same picture twice: found by its content, so that renaming, re-encoding or resizing does not hide it.

Hashes of 64 bits cannot tell chests apart, which all look alike when small. Here pictures are compared as 48 x 48
thumbnails of unit norm after their smooth part is taken out: what is left are ribs, vessels, markers and noise, which
two exposures do not share. Mirrored, turned, inverted and framed copies are found too; cropped ones are not.
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
FRAME = 0.02  # a frame's gray levels differ by less


def signature(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """(48 * 48,) float32 of unit norm; zeros for a picture without any detail.

    Args:
        pixels: (H, W) in [0, 1].
    """
    picture = Image.fromarray(np.ascontiguousarray(_without_frame(pixels), dtype=np.float32))
    small = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX))
    detail = small - ndimage.gaussian_filter(small, SMOOTH)
    norm = float(np.linalg.norm(detail))
    return (detail / norm if norm > 1e-6 else np.zeros_like(detail)).ravel().astype(np.float32)


def _without_frame(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture inside of a frame of one gray, if there is one."""
    inside = np.abs(pixels - pixels[0, 0]) > FRAME
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if len(rows) < pixels.shape[0] / 2 or len(columns) < pixels.shape[1] / 2:
        return pixels
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def find_pairs(
    left: NDArray[np.float32], right: NDArray[np.float32], similarity: float = SIMILARITY
) -> Iterator[tuple[int, int, float]]:
    """Pairs of rows of two signature tables that show the same picture.

    Args:
        left: (N, D).
        right: (M, D).
        similarity: smallest cosine.

    Yields:
        Row of ``left``, row of ``right``, cosine of the best of eight turns and mirrorings, either sign.
    """
    for first in range(0, len(left), BLOCK):
        for second in range(0, len(right), BLOCK):
            cosines = _best_cosines(left[first : first + BLOCK], right[second : second + BLOCK])
            for row, column in np.argwhere(cosines >= similarity):
                yield first + int(row), second + int(column), float(cosines[row, column])


def _best_cosines(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, M) largest magnitude of the cosines over the eight symmetries of a square; a negative has a negative one."""
    squares = right.reshape(-1, SIDE, SIDE)
    best = np.zeros((len(left), len(right)), np.float32)
    for mirrored in (squares, squares[:, :, ::-1]):
        for turns in range(4):
            turned = np.rot90(mirrored, turns, axes=(1, 2)).reshape(len(right), -1)
            np.maximum(best, np.abs(left @ turned.T), out=best)
    return best
