"""Integer samples -> [0, 1], given how many bits a file claims and how many its values use."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["WIDEST_CLAIM", "significant_bits", "stored_range"]

WIDEST_CLAIM = 2
"""A file that claims this many bits more than its values use is taken to overstate them."""


def significant_bits(lowest: int, highest: int, claimed: int) -> int:
    """Bits per sample that put black and white where the sender meant them.

    A 12-bit detector's image in a 16-bit file fills a sixteenth of the range and would be nearly black. Where the
    values leave the two top bits of the claim unused, the bits they need are taken instead; otherwise the claim stands.

    Args:
        lowest: smallest sample, negative in signed data.
        highest: largest sample.
        claimed: bits per sample by the file's header; 8 or less are never reinterpreted.

    Returns:
        Bits per sample, sign included where ``lowest`` is negative.
    """
    sign = lowest < 0
    needed = max(highest.bit_length(), (-lowest - 1).bit_length() if sign else 0) + sign
    return max(needed, 8) if claimed > 8 and needed <= claimed - WIDEST_CLAIM else claimed


def stored_range(samples: NDArray[np.integer], claimed: int, *, signed: bool) -> tuple[int, int, int]:
    """The samples that stand for black and for white where a file does not say, and the significant bits.

    Args:
        samples: integers of any shape, not empty.
        claimed: bits per sample by the file's header, sign included.
        signed: whether the header calls them signed.
    """
    lowest, highest = int(samples.min()), int(samples.max())
    if signed and lowest >= 0:
        claimed -= 1
    bits = significant_bits(lowest, highest, claimed)
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1, bits) if lowest < 0 else (0, (1 << bits) - 1, bits)
