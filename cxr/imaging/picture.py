"""Pictures that are in memory already: an array or a PIL image -> the bytes of a lossless file of the same pixels."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr.errors import ConfigError

__all__ = ["picture_bytes"]

_MODES = ("L", "RGB", "RGBA", "I;16", "1", "LA", "P")


def picture_bytes(picture: NDArray[np.generic] | Image.Image) -> bytes:
    """PNG of the pixels as they are, so that a picture in memory is screened as its file would be.

    Args:
        picture: air dark, bone bright: (H, W) uint8 or uint16; (H, W) floats in [0, 1], which are rounded to 16 bits;
            (H, W, 3) uint8; or a PIL image of 8 or 16 bits.

    Raises:
        ConfigError: if it is anything else, whose grey values nobody could know the meaning of.
    """
    if isinstance(picture, Image.Image):
        if picture.mode not in _MODES:
            raise ConfigError(f"a PIL image of mode {picture.mode} cannot be screened; convert it to L or I;16")
        return _png(picture)
    array = np.asarray(picture)
    if array.dtype.kind == "f" and array.ndim == 2 and array.size:
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise ConfigError("an array of floats must lie in [0, 1]; scale it, or give uint8 or uint16")
        array = np.rint(array * 65535).astype(np.uint16)
    grey = array.ndim == 2 and array.dtype in (np.uint8, np.uint16)
    colour = array.ndim == 3 and array.shape[2] == 3 and array.dtype == np.uint8
    if not (grey or colour) or not array.size:
        raise ConfigError(
            f"an array {array.shape} of {array.dtype} cannot be screened; give (H, W) uint8, uint16 or floats in "
            "[0, 1], or (H, W, 3) uint8"
        )
    return _png(Image.fromarray(np.ascontiguousarray(array)))


def _png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format="PNG", compress_level=1)
    return stream.getvalue()
