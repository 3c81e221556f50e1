"""Input path -> overlays/NAME.png: readable, safe as a file name, and never two inputs on one file."""

import hashlib
import re
from pathlib import PurePosixPath

__all__ = ["OverlayNames"]

_IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".dcm", ".dicom", ".tif", ".tiff", ".bmp", ".webp", ".gif"})
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 100


class OverlayNames:
    """Names in the order of results.jsonl, so that any reader of that file finds the same ones.

    The first input called ``x.png`` gets ``x.png``; a later one of that name in another folder gets a few
    digits of its path's hash as well.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def peek(self, path: str) -> str:
        """The name that ``path`` would get now."""
        stem = _stem(path)
        if stem.lower() in self._taken:  # some file systems do not tell cases apart
            stem = f"{stem}-{hashlib.sha256(path.encode(errors='surrogateescape')).hexdigest()[:12]}"
        return f"{stem}.png"

    def assign(self, path: str) -> str:
        """The name of ``path``, taken from now on."""
        name = self.peek(path)
        self._taken.add(name.removesuffix(".png").lower())
        return name


def _stem(path: str) -> str:
    name = PurePosixPath(path.replace("\\", "/")).name
    suffix = PurePosixPath(name).suffix
    stem = name.removesuffix(suffix) if suffix.lower() in _IMAGE_SUFFIXES else name
    return _UNSAFE.sub("_", stem).strip("._")[:_LONGEST] or "image"
