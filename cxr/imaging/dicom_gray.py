"""The grayscale pipeline of DICOM: stored values -> what a calibrated screen would show, in [0, 1]."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.gray_scale import stored_range
from cxr.imaging.lookup_table import LookupTable

__all__ = ["Window", "shown_gray"]

_ROWS = 256  # looked up at a time: indices are eight bytes each


@dataclass(frozen=True, slots=True)
class Window:
    """A VOI window: center, width and function (``LINEAR``, ``LINEAR_EXACT`` or ``SIGMOID``)."""

    center: float
    width: float
    function: str = "LINEAR"

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map values to [0, 1] by the function's equation in PS3.3 C.11.2.1.2 and C.11.2.1.3."""
        if self.function == "SIGMOID":
            # Beyond 700 the exponential overflows, and the result is 0 or 1 in any case.
            return 1 / (1 + np.exp(np.clip(-4 * (values - self.center) / self.width, -700, 700)))
        if self.function == "LINEAR_EXACT":
            return np.clip((values - self.center) / self.width + 0.5, 0, 1)
        if self.width == 1:
            return (values > self.center - 0.5).astype(np.float64)
        return np.clip((values - (self.center - 0.5)) / (self.width - 1) + 0.5, 0, 1)


def shown_gray(stored: NDArray[np.integer], dataset: Dataset) -> tuple[NDArray[np.float32], int]:
    """Apply modality LUT, VOI LUT, polarity and padding.

    Args:
        stored: (H, W) stored values.
        dataset: its header.

    Returns:
        (H, W) float32 in [0, 1] with bright bone; significant bits per stored sample.
    """
    padding = _padding(stored, dataset)
    valid = stored if padding is None else stored[~padding]
    if not valid.size:
        raise RefusedInputError(RefusalCode.CONSTANT_PIXELS, "every pixel is padding")
    signed = dataset.get("PixelRepresentation", 0) == 1
    black, white, bits = stored_range(valid, int(dataset.BitsStored), signed=signed)
    gray = _looked_up(stored, lambda values: _gray_of(values, black, white, dataset))
    if padding is not None:
        gray[padding] = 0
    return gray, bits


def _gray_of(stored: NDArray[np.integer], black: int, white: int, dataset: Dataset) -> NDArray[np.float64]:
    """What values of any shape are shown as, in [0, 1]."""
    values, low, high = _modality(stored, black, white, dataset)
    window = first_window(dataset)
    if dataset.get("VOILUTSequence"):
        table = LookupTable.from_item(dataset.VOILUTSequence[0], dataset)
        gray = table(values) / np.float64(table.white)
    elif window is not None:
        gray = window.apply(values)
    else:
        gray = (values - low) / (high - low)
    gray = np.clip(gray, 0, 1)
    return 1 - gray if is_inverted(dataset) else gray


def _looked_up(
    stored: NDArray[np.integer], gray_of: Callable[[NDArray[np.integer]], NDArray[np.float64]]
) -> NDArray[np.float32]:
    """Apply a function of single values to (H, W) of them, to each value once.

    A film has ten million pixels and a few thousand values: this is the same gray in a fraction of time and memory.
    """
    lowest, highest = int(stored.min()), int(stored.max())
    if highest - lowest >= stored.size:
        return gray_of(stored).astype(np.float32)
    table = gray_of(np.arange(lowest, highest + 1).astype(stored.dtype)).astype(np.float32)
    gray = np.empty(stored.shape, dtype=np.float32)
    for top in range(0, len(stored), _ROWS):
        rows = stored[top : top + _ROWS].astype(np.intp)
        gray[top : top + _ROWS] = table[rows - lowest]
    return gray


def first_window(dataset: Dataset) -> Window | None:
    """The first window of a header; ``None`` where there is none that could show anything."""
    center, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    if center is None or width is None:
        return None
    function = str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper()
    smallest = 1.0 if function == "LINEAR" else np.finfo(np.float64).tiny
    finite = np.isfinite(center) and np.isfinite(width)
    return Window(center, width, function) if finite and width >= smallest else None


def is_inverted(dataset: Dataset) -> bool:
    """Whether low values are bright. MONOCHROME1 and shape INVERSE say the same thing (C.8.11.3.1.2), not two."""
    shape = str(dataset.get("PresentationLUTShape") or "").strip().upper()
    return str(dataset.PhotometricInterpretation) == "MONOCHROME1" or shape == "INVERSE"


def _padding(stored: NDArray[np.integer], dataset: Dataset) -> NDArray[np.bool_] | None:
    """Pixels outside the picture: Pixel Padding Value, or the range up to Pixel Padding Range Limit (C.7.5.1.1.2)."""
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return None
    limit = dataset.get("PixelPaddingRangeLimit", value)
    low, high = sorted((int(value), int(limit)))
    mask = (stored >= low) & (stored <= high)
    return mask if mask.any() else None


def _modality(
    stored: NDArray[np.integer], black: int, white: int, dataset: Dataset
) -> tuple[NDArray[np.float64], float, float]:
    """Values after the modality LUT or rescale, and the range that the stored range becomes."""
    if dataset.get("ModalityLUTSequence"):
        table = LookupTable.from_item(dataset.ModalityLUTSequence[0], dataset)
        return table(stored).astype(np.float64), 0.0, float(table.white)
    slope, intercept = _first(dataset.get("RescaleSlope")), _first(dataset.get("RescaleIntercept"))
    slope, intercept = 1.0 if slope is None else slope, intercept or 0.0
    if slope == 0 or not np.isfinite([slope, intercept]).all():
        raise RefusedInputError(RefusalCode.CONSTANT_PIXELS, f"a rescale slope of {slope} leaves no picture")
    # A negative slope turns the picture over; low stored values are then bright, as the sender meant.
    low, high = sorted((black * slope + intercept, white * slope + intercept))
    return np.asarray(stored * slope + intercept, dtype=np.float64), low, high


def _first(value: object) -> float | None:
    if isinstance(value, MultiValue | list | tuple):
        value = value[0] if len(value) else None
    return None if value is None or value == "" else float(value)  # type: ignore[arg-type]  # DS or a string of one
