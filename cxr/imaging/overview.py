"""A film made several times smaller at little cost, for all that looks at small copies of it.

An antialiased resampling reads each pixel of a film as often as its filter is wide. Means of whole blocks read it once,
and where enough pixels are left for the resampling that follows, its result is all but the same.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["OVERVIEW_SIDE", "Overview"]

OVERVIEW_SIDE = 768
"""Pixels that a film's longer side keeps at least: as the search for text needs, and three times a network's 256."""


@dataclass(frozen=True, slots=True, eq=False)
class Overview:
    """A film in blocks of a whole number of its pixels; films less than twice as large as needed stay as they are.

    Attributes:
        pixels: (h, w) float32, means of the blocks; blocks at the right and lower border may be cut off by it.
        width: columns of blocks that the film fills; less than w by what the last column lacks.
        height: rows of blocks that the film fills.
    """

    pixels: NDArray[np.float32]
    width: float
    height: float

    @classmethod
    def of(cls, pixels: NDArray[np.float32], side: int = OVERVIEW_SIDE) -> Self:
        """Reduce a film by the largest whole factor that leaves it large enough.

        Args:
            pixels: (H, W) in [0, 1].
            side: pixels that the longer side keeps at least. The shorter one keeps half as many: networks may see a
                film stretched.
        """
        height, width = pixels.shape
        factor = max(1, min(max(pixels.shape) // side, 2 * min(pixels.shape) // side))
        if factor > 1:
            pixels = _means_of_rows(_means_of_rows(pixels, factor).T, factor).T
        return cls(pixels, width / factor, height / factor)

    def resized(self, width: int, height: int, resampling: Image.Resampling) -> NDArray[np.float32]:
        """The whole film resampled to another size, antialiased.

        Args:
            width: columns of the result.
            height: rows of the result.
            resampling: the filter.

        Returns:
            (height, width) float32; filters with negative lobes may leave [0, 1].
        """
        picture = Image.fromarray(np.ascontiguousarray(self.pixels, dtype=np.float32))
        return np.asarray(picture.resize((width, height), resampling, box=(0, 0, self.width, self.height)))


def _means_of_rows(pixels: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Mean of each ``factor`` rows, the last one of those that are left."""
    sums = np.copy(pixels[::factor])  # keeps the order in memory, unlike the method
    for offset in range(1, factor):
        rows = pixels[offset::factor]
        sums[: len(rows)] += rows
    sums[:-1] /= np.float32(factor)
    sums[-1] /= np.float32((len(pixels) - 1) % factor + 1)
    return sums
