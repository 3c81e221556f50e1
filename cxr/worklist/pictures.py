"""What a case keeps to be looked at, made once when it is screened; the pixels themselves stay where they were.

Kinds of files: :data:`PICTURE` (the radiograph), :data:`OVERLAY` (instead of it where a result was imported: its
evidence is drawn into the pixels), :data:`THUMBNAIL`, ``heat:FINDING`` (where the network looked), :data:`HEADER`
(the DICOM attributes without pixels, which a structured report must refer to), :data:`EMBEDDING`.
"""

import io
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset

from cxr.errors import RefusedInputError
from cxr.outputs.dicom_identity import referable
from cxr.screening.artifacts import Examination
from cxr.worklist.database import SHARED, Database

__all__ = [
    "EMBEDDING",
    "HEADER",
    "OVERLAY",
    "PICTURE",
    "THUMBNAIL",
    "PictureStore",
    "heat_kind",
    "overlay_pictures",
    "pictures_of",
]

PICTURE, OVERLAY, THUMBNAIL, HEADER, EMBEDDING = "picture", "overlay", "thumbnail", "header", "embedding"

_PICTURE_SIDE, _THUMBNAIL_SIDE, _HEAT_SIDE = 1024, 96, 96
_THUMBNAIL_QUALITY = 82


def heat_kind(finding: str) -> str:
    """The kind under which a finding's heatmap is kept: 8-bit grey PNG, dark where the finding cannot be."""
    return f"heat:{finding}"


def pictures_of(examination: Examination) -> dict[str, bytes]:
    """Kind -> file content, for a screened input; nothing for a refused one.

    The header is kept where a structured report could refer to it.
    """
    artifacts = examination.artifacts
    if artifacts is None:
        return {}
    grey = Image.fromarray(_eight_bits(artifacts.pixels))
    files = {
        PICTURE: _png(_within(grey, _PICTURE_SIDE)),
        THUMBNAIL: _jpeg(_within(grey, _THUMBNAIL_SIDE)),
        EMBEDDING: artifacts.embedding.astype("<f4").tobytes(),
    }
    for finding in artifacts.heatmaps:
        heat = artifacts.heatmaps.confined(finding)
        files[heat_kind(finding)] = _png(_within(Image.fromarray(_eight_bits(heat)), _HEAT_SIDE))
    if examination.header is not None:
        with suppress(RefusedInputError):
            files[HEADER] = _header_file(referable(examination.header))
    return files


def overlay_pictures(overlay: bytes) -> tuple[dict[str, bytes], tuple[int, int]]:
    """What there is to look at of an imported result: kind -> file content, and the picture's width and height."""
    with Image.open(io.BytesIO(overlay)) as image:
        return {OVERLAY: overlay, THUMBNAIL: _jpeg(_within(image.convert("RGB"), _THUMBNAIL_SIDE))}, image.size


def _eight_bits(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return (np.clip(values, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)


def _within(image: Image.Image, side: int) -> Image.Image:
    """The image, reduced to at most ``side`` pixels on its longer side."""
    scale = side / max(image.size)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)


def _png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format="PNG", compress_level=3)
    return stream.getvalue()


def _jpeg(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format="JPEG", quality=_THUMBNAIL_QUALITY)
    return stream.getvalue()


def _header_file(header: Dataset) -> bytes:
    stream = io.BytesIO()
    header.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


class PictureStore:
    """The files that cases keep to be looked at, each shown only to who may see its case."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, viewer: str, case_id: str, kind: str) -> bytes | None:
        """One file of a case; ``None`` if there is none, or the case is somebody else's."""
        return self.of_kinds(viewer, case_id, [kind]).get(kind)

    def of_kinds(self, viewer: str, case_id: str, kinds: Sequence[str]) -> dict[str, bytes]:
        """Several files of one case: kind -> content, without those that there are not."""
        marks = ", ".join("?" * len(kinds))
        rows = self._database.connection().execute(
            f"""SELECT kind, content FROM pictures JOIN cases ON cases.id = pictures.case_id
            WHERE case_id = ? AND kind IN ({marks}) AND owner IN (?, ?)""",
            (case_id, *kinds, viewer, SHARED),
        )
        return {row["kind"]: bytes(row["content"]) for row in rows}

    def of_cases(self, viewer: str, case_ids: Sequence[str], kind: str) -> dict[str, bytes]:
        """One kind of file of several cases: case id -> content, without those that there are not."""
        found = {case_id: self.get(viewer, case_id, kind) for case_id in case_ids}
        return {case_id: content for case_id, content in found.items() if content is not None}
