"""Modality and VOI lookup tables of DICOM (PS3.3 C.11.1.1 and C.11.2.1.1).

Own code, because pydicom 3.0 looks 8-bit tables up with 8-bit indices, which silently wraps around beyond 256 entries,
and refuses modality tables of 10 to 15 bits.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian

from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.gray_scale import significant_bits

__all__ = ["LookupTable"]

_ALL_ENTRIES = 2**16  # what a count of 0 stands for
_BYTE, _WORD = 8, 16


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
