"""Palette colour images of DICOM: indices -> colours (PS3.3 C.7.6.3.1.5 and C.7.9)."""

import numpy as np
from numpy.typing import NDArray
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut
from pydicom.uid import ExplicitVRBigEndian

from cxr.imaging.gray_scale import significant_bits

__all__ = ["palette_colours"]

_IMAGE_GROUP = 0x0028
_BYTE, _WORD = 8, 16


def palette_colours(indices: NDArray[np.integer], dataset: Dataset) -> tuple[NDArray[np.integer], int]:
    """Look the colours of a palette image up.

    Args:
        indices: (H, W) decoded samples.
        dataset: the header with the palette.

    Returns:
        (H, W, 3) colours; significant bits of each, fewer than the palette claims where its values leave them unused.
    """
    palette = dataset.group_dataset(_IMAGE_GROUP)
    if dataset.file_meta.TransferSyntaxUID == ExplicitVRBigEndian:
        _swap_tables(palette)
    colours = apply_color_lut(indices, palette)[..., :3]
    return colours, significant_bits(0, int(colours.max()), _BYTE * colours.dtype.itemsize)


def _swap_tables(palette: Dataset) -> None:
    """Turn 16-bit tables to the byte order that pydicom 3.0 takes every table for; the picture would be black."""
    for colour in ("Red", "Green", "Blue"):
        bits = int(palette[f"{colour}PaletteColorLookupTableDescriptor"].value[2])
        name = f"{colour}PaletteColorLookupTableData"
        if bits == _WORD and isinstance(table := palette.get(name), bytes):
            swapped = np.frombuffer(table, ">u2").astype("<u2").tobytes()
            palette[name] = DataElement(tag_for_keyword(name), "OW", swapped)  # a new element: the header is not ours
