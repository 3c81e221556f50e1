"""Which examination a film belongs to, and whether it is another one's copy: as hashes, which name nobody.

The identifiers of DICOM are unique all over the world, so that their hashes tell studies and objects apart without
telling what they are.
"""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["FilmIdentity", "film_identity"]

_LENGTH = 20


@dataclass(frozen=True)
class FilmIdentity:
    """Hashes of what a film is known by; ``None`` where the file does not say it.

    Attributes:
        study: of StudyInstanceUID.
        instance: of SOPInstanceUID.
        picture: of the square that the network sees; equal where two files hold one picture.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  (read by pydantic, never written)

    study: str | None = None
    instance: str | None = None
    picture: str | None = None


def film_identity(header: "Dataset | None", square: NDArray[np.uint8] | None) -> FilmIdentity | None:
    """What a film is known by; ``None`` where nothing is.

    Args:
        header: of a DICOM file.
        square: (S, S) uint8 of a film that could be read.
    """
    study, instance = (_uid(header, name) for name in ("StudyInstanceUID", "SOPInstanceUID"))
    picture = None if square is None else _hash(b"picture", np.ascontiguousarray(square).tobytes())
    found = FilmIdentity(study, instance, picture)
    return None if found == FilmIdentity() else found


def _uid(header: "Dataset | None", name: str) -> str | None:
    try:
        value = str(header.get(name) or "").strip(" \0") if header is not None else ""
    except Exception:  # an element that pydicom cannot read says nothing
        value = ""
    return _hash(name.encode(), value.encode("utf-8", "surrogateescape")) if value else None


def _hash(kind: bytes, content: bytes) -> str:
    return hashlib.sha256(kind + b"\0" + content).hexdigest()[:_LENGTH]
