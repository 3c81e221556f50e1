"""The images of a dataset as one uint8 memory map of network inputs.

A cache belongs to the files it was made from: their paths, sizes and times of change, the input size and the version of
the preprocessing make its key, and a cache with another key is built anew. Building can be stopped at any time: what is
done is kept, and the finished cache appears by renaming. Several runs may build and open the same one at a time.

A file that is refused has no row: refused.csv beside the cache lists it with the reason.
"""

import csv
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from cxr.datasets.schema import Dataset
from cxr.errors import DatasetError, RefusedInputError
from cxr.imaging.preprocessing import PREPROCESSING_VERSION, prepare
from cxr.imaging.reading import read_radiograph
from nlp_labeler.storage import FolderLock, write_rows, write_text

__all__ = ["ImageCache"]

_LOG = logging.getLogger(__name__)
_PIXELS, _CARD, _REFUSALS = "images.npy", "cache.json", "refused.csv"
_PENDING, _DONE, _REFUSED = 0, 1, 2
_SHOWN_REFUSALS = 3


class ImageCache:
    """Network inputs by row; ``cache[i]`` is (size, size) uint8. Make it with :meth:`build`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pixels: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)

    def __reduce__(self) -> tuple[type["ImageCache"], tuple[Path]]:
        """Another process opens the file itself: pickling a memory map would copy all of its pixels."""
        return ImageCache, (self.path,)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, row: int) -> NDArray[np.uint8]:
        return self.pixels[row]

    @classmethod
    def build(cls, dataset: Dataset, size: int, directory: Path, workers: int = 1) -> "ImageCache":
        """Open the cache of a dataset's images, after building what is missing of it.

        Args:
            dataset: whose rows become the rows of the cache, in order.
            size: side of the network input in pixels.
            directory: where the cache is kept.
            workers: images decoded at a time. Decoding and resampling run outside the interpreter's lock.

        Raises:
            DatasetError: if an image is missing or refused, so that the rows would not be those of the dataset;
                ``refused.csv`` of the directory lists all refusals. :meth:`of_readable` leaves them out.
        """
        refused = _opened(dataset, size, directory, workers)
        if refused:
            shown = "; ".join(f"{image} ({code})" for image, code in list(refused.items())[:_SHOWN_REFUSALS])
            raise DatasetError(
                f"{len(refused)} of {len(dataset)} images cannot be used: {shown}. All are listed in "
                f"{directory / _REFUSALS}; take them out of the dataset's lists"
            )
        return cls(directory / _PIXELS)

    @classmethod
    def of_readable(
        cls, dataset: Dataset, size: int, directory: Path, workers: int = 1
    ) -> tuple[Dataset, "ImageCache"]:
        """The rows of a dataset whose images can be read, and their cache; how many are left out is logged.

        Args:
            dataset: whose readable rows become the rows of the cache, in order.
            size: side of the network input in pixels.
            directory: where the cache is kept.
            workers: images decoded at a time.

        Raises:
            DatasetError: if an image is missing, or none can be read.
        """
        refused = _opened(dataset, size, directory, workers)
        if not refused:
            return dataset, cls(directory / _PIXELS)
        reasons = ", ".join(f"{number} {code}" for code, number in sorted(Counter(refused.values()).items()))
        told = "%d of %d images cannot be used and are left out (%s); see %s"
        _LOG.warning(told, len(refused), len(dataset), reasons, directory / _REFUSALS)
        return dataset.where(~dataset.records["image"].isin(refused)), cls(directory / _PIXELS)


def _opened(dataset: Dataset, size: int, directory: Path, workers: int) -> dict[str, str]:
    """Build the cache if it is not there; image -> code of what was refused."""
    paths = [Path(path) for path in dataset.records["path"]]
    key = _key(paths, list(dataset.records["image"]), size)
    if not _finished(directory, key):
        directory.mkdir(parents=True, exist_ok=True)
        # Of several runs that share a folder one builds, and the others wait and open what it built.
        with FolderLock(directory, beside=True, wait=True):
            if not _finished(directory, key):
                _build(paths, key, size, directory, workers, dataset)
    listed = directory / _REFUSALS
    if not listed.is_file():
        return {}
    with listed.open(encoding="utf-8", newline="") as stream:
        return {row["image"]: row["code"] for row in csv.DictReader(stream)}


def _finished(directory: Path, key: str) -> bool:
    """Whether the folder holds the cache of this key."""
    card = directory / _CARD
    if not ((directory / _PIXELS).is_file() and card.is_file()):
        return False
    return bool(json.loads(card.read_text(encoding="utf-8")).get("key") == key)


def _build(paths: list[Path], key: str, size: int, directory: Path, workers: int, dataset: Dataset) -> None:
    target, card = directory / _PIXELS, directory / _CARD
    card.unlink(missing_ok=True)
    partial, state = directory / f"{key[:16]}.partial.npy", directory / f"{key[:16]}.state.npy"
    for name in (_PIXELS, _REFUSALS, "*.partial.npy", "*.state.npy"):
        for stale in set(directory.glob(name)) - {partial, state}:
            stale.unlink()
    _fill(partial, state, paths, size, workers)
    outcomes = np.load(state, allow_pickle=False)
    rows = np.flatnonzero(outcomes == _REFUSED)
    if len(rows):
        codes = _reasons([paths[row] for row in rows])
        images = dataset.records["image"].iloc[rows]
        write_rows(directory / _REFUSALS, ("image", "code"), zip(images, codes, strict=True))
        if len(rows) == len(paths):
            raise DatasetError(f"none of {len(paths)} images can be used; see {directory / _REFUSALS}")
        _keep_rows(partial, np.flatnonzero(outcomes == _DONE), target)
        partial.unlink()
    else:
        partial.replace(target)
    state.unlink()
    content = {"key": key, "size": size, "images": len(paths) - len(rows), "preprocessing": PREPROCESSING_VERSION}
    write_text(card, json.dumps(content, indent=1) + "\n")


def _key(paths: list[Path], images: list[str], size: int) -> str:
    """Hash of what the pixels depend on.

    Raises:
        DatasetError: if files are missing, saying how many.
    """
    digest = hashlib.sha256(f"{PREPROCESSING_VERSION} {size}".encode())
    missing = []
    for path, image in zip(paths, images, strict=True):
        try:
            found = path.stat()
        except OSError:
            missing.append(f"{image} at {path}")
            continue
        digest.update(f"\n{path}\t{found.st_size}\t{found.st_mtime_ns}".encode())
    if missing:
        raise DatasetError(
            f"{len(missing)} of {len(paths)} images are listed but not there, the first {missing[0]}; complete the "
            "download, or say --allow-missing to go on without them"
        )
    return digest.hexdigest()


def _fill(partial: Path, state: Path, paths: list[Path], size: int, workers: int) -> None:
    """Decode every image that is still pending into the partial memory map."""
    shape = (len(paths), size, size)
    fresh = not (partial.is_file() and state.is_file())
    if fresh:
        state.unlink(missing_ok=True)
    pixels = np.lib.format.open_memmap(partial, "w+" if fresh else "r+", np.uint8, shape)
    done = np.lib.format.open_memmap(state, "w+" if fresh else "r+", np.uint8, shape[:1])

    def decode(row: int) -> None:
        try:
            pixels[row] = _network_input(paths[row], size)
            done[row] = _DONE
        except RefusedInputError:
            done[row] = _REFUSED

    pending = [int(row) for row in np.flatnonzero(done[:] == _PENDING)]
    with ThreadPoolExecutor(workers) as pool:
        for _ in track(pool.map(decode, pending), "Reading images", total=len(pending), transient=True):
            pass
    pixels.flush()
    done.flush()


def _network_input(path: Path, size: int) -> NDArray[np.uint8]:
    radiograph = read_radiograph(path)
    return prepare(radiograph.pixels, size, radiograph.metadata.pixel_aspect)[0]


def _keep_rows(source: Path, rows: NDArray[np.intp], target: Path) -> None:
    """Write some rows of a memory map as another one."""
    whole = np.load(source, mmap_mode="r", allow_pickle=False)
    shorter = source.with_name(f"kept.{source.name}")
    kept = np.lib.format.open_memmap(shorter, "w+", np.uint8, (len(rows), *whole.shape[1:]))
    for place, row in enumerate(rows):
        kept[place] = whole[row]
    kept.flush()
    shorter.replace(target)


def _reasons(paths: list[Path]) -> Iterator[str]:
    """Why each file is refused, asked again: refusals are few, and a stopped run forgets its messages."""
    for path in paths:
        try:
            read_radiograph(path)
            yield "changed while reading"
        except RefusedInputError as error:
            yield str(error.code)
