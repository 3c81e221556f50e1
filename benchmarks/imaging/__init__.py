"""Reading: seeded damage to real DICOM files, agreement with dcmtk, the MONOCHROME1 twin, and the image cache."""

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.imaging.damage import damage_rows
from benchmarks.imaging.dcmtk import dcmtk_rows
from benchmarks.imaging.dicom_files import source_files
from benchmarks.provenance import shared_data
from benchmarks.record import Row, line
from cxr.datasets.cache import ImageCache
from cxr.datasets.dataset import open_dataset
from cxr.imaging.preprocessing import prepare
from cxr.imaging.reading import read_radiograph

__all__ = ["run"]

SIZE = 224
ROUND = 50  # images in a row from one side, so that a busy machine slows both


def run() -> list[Row]:
    """All rows of this benchmark."""
    dicom = shared_data("dicom")
    files = list(source_files(dicom.parent))
    return [*damage_rows(files), *twin_rows(dicom), *dcmtk_rows(files), *cache_rows(shared_data("nih"))]


def twin_rows(dicom: Path) -> list[Row]:
    """The largest difference between twin and original, in gray levels of 255.

    The twin holds the very pixel bytes of its original under a MONOCHROME1 tag: a header that lies. It is the same
    picture only because a bare tag that turns a chest into its negative is overruled by the pixels.
    """
    original, twin = sorted(path for path in dicom.glob("*.dcm") if path.name != "dx_image.dcm")
    difference = np.abs(read_radiograph(original).pixels - read_radiograph(twin).pixels).max() * 255
    return line(
        "reading",
        "MONOCHROME1 twin",
        {"largest difference of 255": float(difference)},
        n=1,
        unit_of_n="pairs",
        data="shared DICOM files",
        note="same stored pixels under another tag; the pixels overrule the tag",
    )


def cache_rows(nih: Path) -> list[Row]:
    """How many times faster the cache gives inputs of equal pixels; 0 if any pixel differs."""
    dataset = open_dataset(nih).subset("val")
    paths = [Path(path) for path in dataset.records["path"]]
    decoding = reading = 0.0
    equal = True
    with tempfile.TemporaryDirectory() as folder:
        cache = ImageCache.build(dataset, SIZE, Path(folder))
        for first in range(0, len(paths), ROUND):
            start = time.perf_counter()
            decoded = [prepare(read_radiograph(path).pixels, SIZE)[0] for path in paths[first : first + ROUND]]
            middle = time.perf_counter()
            cached = [np.array(cache[row]) for row in range(first, first + len(decoded))]
            end = time.perf_counter()
            decoding, reading = decoding + middle - start, reading + end - middle
            equal = equal and all(map(np.array_equal, decoded, cached))
    return line(
        "reading",
        "image cache",
        {"times faster than decoding": decoding / reading if equal else 0.0},
        n=len(paths),
        unit_of_n="images",
        data=f"NIH validation patients, 256 px JPEG, inputs of {SIZE} px",
        note=f"one process, files in the page cache, in turns of {ROUND} images; equal pixels",
    )
