"""Writing that was burnt into the pixels, found by its form: rows of small, sharp, separate marks of one height.

Side markers and single words such as PORTABLE belong on a radiograph. A block of text does not: it may name the
patient, and it comes with screen shots, whose grays are no longer the detector's.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.preprocessing import OVERVIEW_SIDE, ImagePyramid
from cxr.imaging.runs import Runs

__all__ = ["MOST_CHARACTERS", "count_characters", "require_no_text"]

MOST_CHARACTERS = 20
"""As many characters in lines may stand on a radiograph; PORTABLE SEMI-ERECT has seventeen."""

_STROKE = 9  # thinner marks are strokes
_REACHES = (1, 2, 4, 1)  # steps of doubling from one pixel to _STROKE
_CONTRAST = 0.3  # of a stroke against what is around it
_HEIGHTS = (5, 60)  # of a character in pixels
_WIDEST = 2.5  # width of a character, or of a few that touch, over its height
_FEWEST = 4  # characters in a line


@dataclass(frozen=True, slots=True)
class _Mark:
    left: int
    top: int
    right: int
    bottom: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def is_followed_by(self, other: "_Mark") -> bool:
        """Whether the other one may be the next character to the right."""
        height = max(self.height, other.height)
        on_one_line = abs(self.bottom - other.bottom) <= 0.2 * height or abs(self.top - other.top) <= 0.2 * height
        alike = 2 * min(self.height, other.height) >= height
        return on_one_line and alike and -0.2 * height <= other.left - self.right <= 1.2 * height


def require_no_text(image: NDArray[np.float32] | ImagePyramid) -> None:
    """Refuse a picture with more writing than :data:`MOST_CHARACTERS`.

    Args:
        image: (H, W) in [0, 1], or the pyramid of it.

    Raises:
        RefusedInputError: burnt_in_text.
    """
    if count_characters(image) > MOST_CHARACTERS:
        raise RefusedInputError(
            RefusalCode.BURNT_IN_TEXT,
            "a block of text is burnt into the picture and may name the patient; send the original radiograph",
        )


def count_characters(image: NDArray[np.float32] | ImagePyramid) -> int:
    """Characters in all lines of writing.

    Args:
        image: (H, W) in [0, 1], or the pyramid of it.
    """
    small = _searched(image)
    # The gaps of bright characters are dark marks: what is seen on both sides is counted once.
    return max(_bright_characters(side) for side in (small, ~small))


def _searched(image: NDArray[np.float32] | ImagePyramid) -> NDArray[np.uint8]:
    """The picture in 256 grays, no larger than it is searched."""
    overview = ImagePyramid.of(image).overview().pixels
    picture = Image.fromarray((overview * np.float32(255) + np.float32(0.5)).astype(np.uint8))
    picture.thumbnail((OVERVIEW_SIDE, OVERVIEW_SIDE), Image.Resampling.BOX)
    return np.asarray(picture)


def _bright_characters(small: NDArray[np.uint8]) -> int:
    # White top hat: what is brighter than all of its surroundings that is wider than a stroke.
    strokes = small - _slide(_slide(small, np.minimum), np.maximum) > _CONTRAST * 255
    return sum(len(line) for line in _lines(_marks(strokes)))


def _slide(pixels: NDArray[np.uint8], extreme: np.ufunc) -> NDArray[np.uint8]:
    """Least or largest value of a square of _STROKE pixels around each pixel, by doubling."""
    pixels = np.pad(pixels, _STROKE // 2, mode="edge")
    for reach in _REACHES:
        pixels = extreme(pixels[:-reach], pixels[reach:])
    for reach in _REACHES:
        pixels = extreme(pixels[:, :-reach], pixels[:, reach:])
    return pixels


def _marks(mask: NDArray[np.bool_]) -> list[_Mark]:
    """Connected regions of the size and form of characters, from left to right."""
    runs = Runs.of(mask, diagonal=True)
    if runs.roots.size == 0:
        return []
    _, region = np.unique(runs.roots, return_inverse=True)
    count = int(region.max()) + 1
    left, top = np.full(count, mask.shape[1]), np.full(count, mask.shape[0])
    right, bottom = np.zeros(count, int), np.zeros(count, int)
    np.minimum.at(left, region, runs.starts)
    np.maximum.at(right, region, runs.stops)
    np.minimum.at(top, region, runs.rows)
    np.maximum.at(bottom, region, runs.rows + 1)
    height, width = bottom - top, right - left
    fits = (height >= _HEIGHTS[0]) & (height <= _HEIGHTS[1]) & (width <= _WIDEST * height)
    boxes = zip(left[fits], top[fits], right[fits], bottom[fits], strict=True)
    return sorted((_Mark(*map(int, box)) for box in boxes), key=lambda mark: mark.left)


def _lines(marks: list[_Mark]) -> list[list[_Mark]]:
    """Chains of marks that follow each other, each mark in one chain."""
    chains: list[list[_Mark]] = []
    for mark in marks:
        chain = next((chain for chain in chains if chain[-1].is_followed_by(mark)), None)
        if chain is None:
            chains.append([mark])
        else:
            chain.append(mark)
    return [chain for chain in chains if len(chain) >= _FEWEST]
