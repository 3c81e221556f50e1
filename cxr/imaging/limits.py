"""How large a file may be before it is refused unread."""

from dataclasses import dataclass

__all__ = ["ReadLimits"]


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Bounds on one input, checked before memory is spent on it.

    Attributes:
        max_bytes: largest file, and largest content of a deflated one.
        max_pixels: largest rows x columns x samples x frames. The largest detectors give about 19 million pixels.
        min_side: smallest width and height; below it there is nothing to see.
    """

    max_bytes: int = 512 * 2**20
    max_pixels: int = 64 * 2**20
    min_side: int = 32
