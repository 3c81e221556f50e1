"""How strongly heat is drawn over a radiograph, the same in every picture."""

import numpy as np
from numpy.typing import NDArray

from cxr.localization import normalize_heatmap

__all__ = ["tint_strength"]

_STARTS_AT = 0.4
_AT_MOST = 0.15  # of the picture: a map that is warm everywhere points nowhere
_EXPONENT = 1.5


def tint_strength(heat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Strength of the tint, (h, w) in [0, 1]: none on the cool part of the map, so that anatomy stays visible.

    Maps are normalised, so that one without a hot spot is warm all over; the tint keeps to the hottest part of it.

    Args:
        heat: (h, w), any finite range.
    """
    relative = normalize_heatmap(heat)
    start = max(_STARTS_AT, float(np.quantile(relative, 1 - _AT_MOST)))
    return np.asarray(np.clip((relative - start) / max(1 - start, 1e-6), 0, 1) ** _EXPONENT, dtype=relative.dtype)
