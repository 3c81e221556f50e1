"""MONOCHROME1 headers that lie: files whose pixels were inverted on the way, or never were, under an unchanged tag.

The header is followed, unless that gives a picture that the quality gate takes for the negative of a chest with near
certainty while its inverse passes. Only a bare MONOCHROME1 tag is doubted; one that Presentation LUT Shape INVERSE
confirms is not.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["is_surely_negative"]

_SURE = 0.99


def is_surely_negative(pixels: NDArray[np.float32]) -> bool:
    """Whether a picture is a chest with bone dark, beyond reasonable doubt.

    Args:
        pixels: (H, W) in [0, 1].
    """
    from cxr.imaging.quality import QualityGate

    gate = QualityGate.shipped()
    as_shown, inverse = gate.assess(pixels), gate.assess(1 - pixels)
    return as_shown.inverted >= _SURE and inverse.inverted <= 1 - _SURE and gate.refusal(inverse) is None
