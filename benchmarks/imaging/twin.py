"""The shared MONOCHROME1 twin of a shared radiograph: two headers, one picture."""

from pathlib import Path

import numpy as np

from benchmarks.record import Row
from cxr.imaging.reading import read_radiograph

__all__ = ["twin_rows"]


def twin_rows(data: Path) -> list[Row]:
    """The largest difference between twin and original, in gray levels of 255.

    The twin holds the very pixel bytes of its original under a MONOCHROME1 tag: a header that lies. It is the same
    picture only because :mod:`cxr.imaging.polarity` overrules a bare tag that turns a chest into its negative.
    """
    original, twin = sorted(path for path in (data / "dicom").glob("*.dcm") if path.name != "dx_image.dcm")
    difference = np.abs(read_radiograph(original).pixels - read_radiograph(twin).pixels).max() * 255
    row = Row(
        table="reading",
        row="MONOCHROME1 twin",
        metric="largest difference of 255",
        value=float(difference),
        n=1,
        unit_of_n="pairs",
        data="shared DICOM files",
        note="same stored pixels under another tag; the pixels overrule the tag",
    )
    return [row]
