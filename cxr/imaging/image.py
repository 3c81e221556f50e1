"""PNG, JPEG, TIFF and BMP -> gray pixels in [0, 1]."""

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.gray_scale import stored_range
from cxr.imaging.radiograph import FileKind, ReadLimits

__all__ = ["read_image"]

_PHOTOMETRIC_TAG = 262
_MIN_IS_WHITE = 0
# Modes whose samples are 16-bit or wider integers.
_DEEP_MODES = ("I;16", "I;16B", "I;16L", "I")
_MAX_16_BIT = 65535


def read_image(data: bytes, kind: FileKind, limits: ReadLimits) -> tuple[NDArray[np.float32], str, int]:
    """Decode a picture file to gray.

    Colour is reduced to luminance (ITU-R 601), transparency shows black, EXIF orientation is applied. 16-bit samples
    are scaled by the bits they use (:mod:`cxr.imaging.gray_scale`).

    Args:
        data: the whole file.
        kind: what it is, by its content.
        limits: bounds on its size.

    Returns:
        (H, W) float32 in [0, 1]; Pillow mode of the file; significant bits per sample.

    Raises:
        RefusedInputError: truncated, corrupt, too_large, multi_frame, unknown_format (samples without a defined white).
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns above its own pixel limit; ours is checked below. Other warnings (odd TIFF tags) do not
            # change pixels.
            warnings.simplefilter("ignore")
            if kind is FileKind.PNG:
                _verify_checksums(data)
            with Image.open(io.BytesIO(data), formats=(kind.value.upper(),)) as picture:
                _check_header(picture, kind, limits)
                picture.load()
                return _gray(picture)
    except RefusedInputError:
        raise
    except Image.DecompressionBombError:
        raise RefusedInputError(RefusalCode.TOO_LARGE, f"the {kind.value} file has too many pixels to open") from None
    except UnidentifiedImageError:
        raise RefusedInputError(RefusalCode.CORRUPT, f"the header of the {kind.value} file is damaged") from None
    except Exception as error:
        # Decoders of damaged files raise almost anything; each is one bad input.
        raise _refusal(error, kind) from None


def _verify_checksums(data: bytes) -> None:
    """PNG carries a checksum per chunk; Pillow compares them only here."""
    with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
        picture.verify()


def _check_header(picture: Image.Image, kind: FileKind, limits: ReadLimits) -> None:
    if picture.width * picture.height > limits.max_pixels:
        raise RefusedInputError(
            RefusalCode.TOO_LARGE,
            f"{picture.width} x {picture.height} pixels exceed the limit of {limits.max_pixels:,}",
        )
    frames = getattr(picture, "n_frames", 1)
    # A JPEG's further frames are previews of the first one (MPO).
    if frames > 1 and kind is not FileKind.JPEG:
        raise RefusedInputError(RefusalCode.MULTI_FRAME, f"the file holds {frames} images; export one per file")


def _gray(picture: Image.Image) -> tuple[NDArray[np.float32], str, int]:
    mode = picture.mode
    white_is_zero = (
        picture.format == "TIFF" and picture.tag_v2.get(_PHOTOMETRIC_TAG) == _MIN_IS_WHITE  # type: ignore[attr-defined]  # only TIFF has it
    )
    upright = ImageOps.exif_transpose(picture)
    if mode in _DEEP_MODES:
        pixels, bits = _deep_gray(np.asarray(upright))
        # Pillow inverts white-is-zero TIFFs of 8 bits itself, but not of 16.
        return (np.float32(1) - pixels if white_is_zero else pixels), mode, bits
    if mode == "F":
        raise RefusedInputError(RefusalCode.UNKNOWN_FORMAT, "floating-point samples have no defined white")
    if upright.has_transparency_data:
        shown = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", shown.size, (0, 0, 0, 255)), shown).convert("RGB")
    samples = np.asarray(upright.convert("L"), dtype=np.float32)
    return samples / np.float32(255), mode, 1 if mode == "1" else 8


def _deep_gray(samples: NDArray[np.integer]) -> tuple[NDArray[np.float32], int]:
    lowest, highest = int(samples.min()), int(samples.max())
    if lowest < 0 or highest > _MAX_16_BIT:
        raise RefusedInputError(
            RefusalCode.UNKNOWN_FORMAT,
            f"32-bit samples from {lowest} to {highest} have no defined white; export 8 or 16 bits",
        )
    black, white, bits = stored_range(samples, 16, signed=False)
    return ((samples.astype(np.float32) - black) / np.float32(white - black)), bits


def _refusal(error: Exception, kind: FileKind) -> RefusedInputError:
    truncated = isinstance(error, OSError) and "truncated" in str(error).lower()
    code = RefusalCode.TRUNCATED if truncated or isinstance(error, EOFError) else RefusalCode.CORRUPT
    what = "breaks off before its end" if code is RefusalCode.TRUNCATED else "is damaged"
    return RefusedInputError(code, f"the {kind.value} file {what}; export it again")
