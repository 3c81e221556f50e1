"""Network inputs from the cache against decoding the source files each time, in one run and in turns."""

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.record import Row
from cxr.datasets.cache import ImageCache
from cxr.datasets.dataset import open_dataset
from cxr.imaging.preprocessing import prepare
from cxr.imaging.reading import read_radiograph

__all__ = ["cache_rows"]

SIZE = 224
ROUND = 50  # images in a row from one side, so that a busy machine slows both


def cache_rows(data: Path) -> list[Row]:
    """How many times faster the cache gives inputs of equal pixels; 0 if any pixel differs."""
    dataset = open_dataset(data / "nih").subset("val")
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
    row = Row(
        table="reading",
        row="image cache",
        metric="times faster than decoding",
        value=decoding / reading if equal else 0.0,
        n=len(paths),
        unit_of_n="images",
        data=f"NIH validation patients, 256 px JPEG, inputs of {SIZE} px",
        note="one process, files in the page cache, in turns of 50 images; equal pixels",
    )
    return [row]
