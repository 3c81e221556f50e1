"""Lookup tables of DICOM: modality and VOI (PS3.3 C.11.1.1 and C.11.2.1.1), and palettes (C.7.6.3.1.5 and C.7.9).

Own code for the first two, because pydicom 3.0 looks 8-bit tables up with 8-bit indices, which silently wraps around
beyond 256 entries, and refuses modality tables of 10 to 15 bits.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut
from pydicom.uid import ExplicitVRBigEndian

from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.gray_scale import significant_bits

__all__ = ["LookupTable", "palette_colours"]

_ALL_ENTRIES = 2**16  # what a count of 0 stands for
_BYTE, _WORD = 8, 16
_IMAGE_GROUP = 0x0028


@dataclass(frozen=True, slots=True, eq=False)
class LookupTable:
    """A table from stored or rescaled values to output values.

    Attributes:
        entries: (n,) output values.
        first: the input value that the first entry is for; smaller ones get it too.
        bits: significant bits of an output value.
    """

    entries: NDArray[np.integer]
    first: int
    bits: int

    @classmethod
    def from_item(cls, item: Dataset, dataset: Dataset) -> "LookupTable":
        """Read the item of a Modality LUT Sequence or VOI LUT Sequence.

        Args:
            item: with LUT Descriptor and LUT Data.
            dataset: that holds the item; tells the byte order.

        Raises:
            RefusedInputError: corrupt, if there are no entries or the depth is none.
        """
        count, first, bits = (int(part) for part in item.LUTDescriptor)
        data = item.LUTData
        if isinstance(data, bytes):
            count = count or _ALL_ENTRIES
            wide = len(data) > count + 1  # a byte each, padded to an even number, or two bytes each
            big = dataset.file_meta.get("TransferSyntaxUID") == ExplicitVRBigEndian
            kind = np.dtype("u1") if not wide else np.dtype(">u2" if big else "<u2")
            entries = np.frombuffer(data, kind, min(count, len(data) // kind.itemsize)).astype(np.int64)
        else:
            entries = np.atleast_1d(np.asarray(data, dtype=np.int64)) & (2**_WORD - 1)
        if not entries.size or not _BYTE <= bits <= _WORD:
            raise RefusedInputError(RefusalCode.CORRUPT, f"a lookup table of {entries.size} entries of {bits} bits")
        highest = int(entries.max())
        return cls(entries, first, max(significant_bits(0, highest, bits), highest.bit_length()))

    @property
    def white(self) -> int:
        """Largest output value."""
        return (1 << self.bits) - 1

    def __call__(self, values: NDArray[np.number]) -> NDArray[np.integer]:
        """Look up values of any shape; those beyond an end get the entry of that end."""
        index = np.rint(values).astype(np.int64) - self.first
        return self.entries[np.clip(index, 0, len(self.entries) - 1)]


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
