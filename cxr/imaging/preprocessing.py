"""Radiograph -> network input, and boxes and heatmaps back again: the one function of training and clinic."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["OVERVIEW_SIDE", "PREPROCESSING_VERSION", "ImagePyramid", "Overview", "Placement", "prepare"]

PREPROCESSING_VERSION = 2
"""Changes whenever :func:`prepare` or the reading of files gives other pixels; part of the key of every image cache.

Since 2, :func:`prepare` takes films of 1,536 pixels and more by their :class:`Overview`. The key
cannot tell how large the films of a cache are, so every cache is built anew, to the same pixels where they are smaller.
Bundles do not hold the version: what was trained and certified on smaller films is what it would be today.
"""

_SPARE = 3
"""Pixels that a reduced film keeps for each of the network's: the cubic filter still decides what the network sees."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an image lies in the network's square.

    Attributes:
        scale: network pixels per input column.
        offset_x: network pixels left of the image.
        offset_y: network pixels above the image.
        width: columns of the input.
        height: rows of the input.
        pixel_aspect: height of an input pixel over its width; network pixels are square.
    """

    scale: float
    offset_x: float
    offset_y: float
    width: int
    height: int
    pixel_aspect: float = 1.0

    def box_to_network(self, x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
        """A box in pixels of the input -> the same box in pixels of the square (left, top, width, height)."""
        across, down = self.scale, self.scale * self.pixel_aspect
        return x * across + self.offset_x, y * down + self.offset_y, width * across, height * down

    def box_to_input(self, x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
        """A box in pixels of the square -> the same box in pixels of the input (left, top, width, height)."""
        across, down = self.scale, self.scale * self.pixel_aspect
        return (x - self.offset_x) / across, (y - self.offset_y) / down, width / across, height / down

    @property
    def size(self) -> int:
        """Side of the square in pixels: the longer side of the image fills it."""
        return round(self.scale * max(self.width, self.height * self.pixel_aspect))

    def heatmap_to_input(self, heat: NDArray[np.floating]) -> NDArray[np.float32]:
        """Stretch a map over the network's square onto the input.

        Args:
            heat: (h, w), one value per cell of the square, of any resolution.

        Returns:
            (H, W) float32 of the input's size, interpolated bilinearly.
        """
        (rows, columns), size = heat.shape, self.size
        x, y, width, height = self.box_to_network(0, 0, self.width, self.height)
        left, top = max(0.0, x) * columns / size, max(0.0, y) * rows / size
        right, bottom = min(size, x + width) * columns / size, min(size, y + height) * rows / size
        picture = Image.fromarray(np.ascontiguousarray(heat, dtype=np.float32))
        resized = picture.resize((self.width, self.height), Image.Resampling.BILINEAR, box=(left, top, right, bottom))
        return np.array(resized, dtype=np.float32)


OVERVIEW_SIDE = 768
"""Pixels that a film's longer side keeps at least: as the search for text needs, and three times a network's 256."""


@dataclass(frozen=True, slots=True, eq=False)
class Overview:
    """A film made several times smaller at little cost, for all that looks at small copies of it.

    An antialiased resampling reads each pixel of a film as often as its filter is wide. Means of whole blocks read it
    once, and where enough pixels are left for the resampling that follows, its result is all but the same.

    It is a film in blocks of a whole number of its pixels; films less than twice as large as needed stay as they are.

    Attributes:
        pixels: (h, w) float32, means of the blocks; blocks at the right and lower border may be cut off by it.
        width: columns of blocks that the film fills; less than w by what the last column lacks.
        height: rows of blocks that the film fills.
    """

    pixels: NDArray[np.float32]
    width: float
    height: float

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


class ImagePyramid:
    """A film and its overviews, each computed once: the quality gate and the networks look at the same ones.

    Args:
        pixels: (H, W) float in [0, 1].
    """

    def __init__(self, pixels: NDArray[np.float32]) -> None:
        self.pixels = pixels
        self._overviews: dict[int, Overview] = {}

    @classmethod
    def of(cls, image: "NDArray[np.float32] | ImagePyramid") -> "ImagePyramid":
        """The pyramid of a film; a pyramid is its own."""
        return image if isinstance(image, ImagePyramid) else cls(image)

    def overview(self, side: int = OVERVIEW_SIDE) -> Overview:
        """The film reduced by the largest whole factor that leaves it large enough.

        Args:
            side: pixels that the longer side keeps at least. The shorter one keeps half as many: networks may see a
                film stretched.
        """
        height, width = self.pixels.shape
        factor = max(1, min(max(height, width) // side, 2 * min(height, width) // side))
        if factor not in self._overviews:
            small = self.pixels
            if factor > 1:
                small = _means_of_rows(_means_of_rows(small, factor).T, factor).T
            self._overviews[factor] = Overview(small, width / factor, height / factor)
        return self._overviews[factor]


def _means_of_rows(pixels: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Mean of each ``factor`` rows, the last one of those that are left."""
    sums = np.copy(pixels[::factor])  # keeps the order in memory, unlike the method
    for offset in range(1, factor):
        rows = pixels[offset::factor]
        sums[: len(rows)] += rows
    sums[:-1] /= np.float32(factor)
    sums[-1] /= np.float32((len(pixels) - 1) % factor + 1)
    return sums


def prepare(
    image: NDArray[np.float32] | ImagePyramid, size: int, pixel_aspect: float = 1.0
) -> tuple[NDArray[np.uint8], Placement]:
    """Fit an image into a square without cutting or stretching it.

    The image is resampled with an antialiasing cubic filter so that its longer side fills the square, centred, and
    padded with black. The network takes the result as float32 / 255. A film at least six times as large as the square,
    and at least 1,536 pixels, is first reduced to block means; that changes real films by a few grays of 256 at most.

    Args:
        image: (H, W) float in [0, 1], or the pyramid of it.
        size: side of the square in pixels.
        pixel_aspect: height of a pixel over its width, as the file says.

    Returns:
        (size, size) uint8, and where the image lies in it.
    """
    pyramid = ImagePyramid.of(image)
    height, width = pyramid.pixels.shape
    scale = size / max(width, height * pixel_aspect)
    inner_width = min(size, max(1, round(width * scale)))
    inner_height = min(size, max(1, round(height * pixel_aspect * scale)))
    overview = pyramid.overview(max(OVERVIEW_SIDE, _SPARE * size))
    resized = overview.resized(inner_width, inner_height, Image.Resampling.BICUBIC)
    gray = np.rint(np.clip(resized, 0.0, 1.0) * 255.0).astype(np.uint8)
    left, top = (size - inner_width) // 2, (size - inner_height) // 2
    square = np.zeros((size, size), dtype=np.uint8)
    square[top : top + inner_height, left : left + inner_width] = gray
    return square, Placement(scale, float(left), float(top), width, height, pixel_aspect)
