"""One file of any supported kind -> :class:`Radiograph`, or a typed refusal: the only door for pixels."""

from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.image import read_image
from cxr.imaging.radiograph import FileKind, Radiograph, RadiographMetadata, ReadLimits
from nlp_labeler.storage import bytes_sha256, file_sha256

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "FileKind",
    "Radiograph",
    "RadiographFile",
    "RadiographMetadata",
    "ReadLimits",
    "file_kind",
    "read_radiograph",
]

_SIGNATURES: tuple[tuple[bytes, FileKind], ...] = (
    (b"\x89PNG\r\n\x1a\n", FileKind.PNG),
    (b"\xff\xd8\xff", FileKind.JPEG),
    (b"II*\x00", FileKind.TIFF),
    (b"MM\x00*", FileKind.TIFF),
    (b"BM", FileKind.BMP),
)
_DEFAULT_LIMITS = ReadLimits()
# Pixels that differ by less than one 16-bit step are one gray.
_FLAT = 1 / 65535
_PREAMBLE = 128


class RadiographFile:
    """A file that is read once: its hash, what its header says, and its picture.

    Making one touches nothing; each part is read when it is asked for, and kept.

    Args:
        source: path of the file, or its whole content.
        limits: bounds on its size.
    """

    def __init__(self, source: Path | bytes, *, limits: ReadLimits = _DEFAULT_LIMITS) -> None:
        self._source = source
        self._limits = limits

    @cached_property
    def content(self) -> bytes:
        """The whole file.

        Raises:
            RefusedInputError: unreadable_file, empty_file, too_large.
        """
        data = self._source if isinstance(self._source, bytes) else _load(self._source, self._limits)
        if not data:
            raise RefusedInputError(RefusalCode.EMPTY_FILE, "the file is empty")
        if len(data) > self._limits.max_bytes:
            raise RefusedInputError(
                RefusalCode.TOO_LARGE, f"{len(data):,} bytes exceed the limit of {self._limits.max_bytes:,}"
            )
        return data

    @cached_property
    def sha256(self) -> str | None:
        """Hash of the file in hexadecimal, a refused one too; ``None`` where it cannot be read."""
        if isinstance(self._source, bytes):
            return bytes_sha256(self._source)
        try:
            return bytes_sha256(self.content)
        except RefusedInputError:  # too large to be held, or nothing at all
            with suppress(OSError):
                return file_sha256(self._source)
            return None

    @cached_property
    def header(self) -> "Dataset | None":
        """The DICOM attributes without pixels, of a refused file too; ``None`` where there are none."""
        try:
            if file_kind(self.content) is not FileKind.DICOM:
                return None
        except RefusedInputError:
            return None
        from cxr.imaging.dicom import read_header

        return read_header(self.content, self._limits)

    def radiograph(self) -> Radiograph:
        """Decode the picture.

        Returns:
            The radiograph with pixels (H, W) float32 in [0, 1], air dark and bone bright, and its metadata.

        Raises:
            RefusedInputError: if it cannot be read as one frontal chest radiograph; see
                :class:`~cxr.errors.RefusalCode`.
        """
        data = self.content
        kind = file_kind(data)
        if kind is FileKind.DICOM:
            from cxr.imaging.dicom import read_dicom  # here: pydicom takes longer to import than all the rest

            pixels, metadata = read_dicom(data, self._limits)
        else:
            pixels, mode, bits = read_image(data, kind, self._limits)
            metadata = RadiographMetadata(kind, "", pixels.shape[1], pixels.shape[0], mode, bits)
        _check_content(pixels, self._limits)
        return Radiograph(pixels, replace(metadata, sha256=str(self.sha256)))


def read_radiograph(source: Path | bytes, *, limits: ReadLimits = _DEFAULT_LIMITS) -> Radiograph:
    """Read one radiograph from a file, or from the bytes of one; see :meth:`RadiographFile.radiograph`."""
    return RadiographFile(source, limits=limits).radiograph()


def file_kind(data: bytes) -> FileKind:
    """Format of a file by its first bytes.

    Raises:
        RefusedInputError: unknown_format.
    """
    # DICOM first: its preamble may hold the signature of another format (dual-personality TIFF).
    if _looks_like_dicom(data):
        return FileKind.DICOM
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            return kind
    kinds = ", ".join(kind.value.upper() for kind in FileKind)
    raise RefusedInputError(RefusalCode.UNKNOWN_FORMAT, f"the content is none of {kinds}, whatever the name says")


def _looks_like_dicom(data: bytes) -> bool:
    """Whether a file is DICOM: the magic word, or a first element of group 0002 or 0008 in files without a preamble."""
    if data[_PREAMBLE : _PREAMBLE + 4] == b"DICM":
        return True
    group, element = data[:2], data[2:4]
    little = group in (b"\x02\x00", b"\x08\x00") and element[1:] == b"\x00"
    big = group == b"\x00\x08" and element[:1] == b"\x00"
    return len(data) > 8 and (little or big)


def _load(path: Path, limits: ReadLimits) -> bytes:
    """The content of a file; one byte more than allowed is enough to know that it is too large."""
    try:
        with path.open("rb") as stream:
            return stream.read(limits.max_bytes + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise RefusedInputError(RefusalCode.UNREADABLE_FILE, f"the file cannot be opened: {reason}") from None


def _check_content(pixels: NDArray[np.float32], limits: ReadLimits) -> None:
    height, width = pixels.shape
    if min(height, width) < limits.min_side:
        raise RefusedInputError(
            RefusalCode.TOO_SMALL, f"{width} x {height} pixels; at least {limits.min_side} on each side are needed"
        )
    lowest, highest = float(pixels.min()), float(pixels.max())
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        raise RefusedInputError(RefusalCode.CORRUPT, "the pixels are not finite numbers")
    if highest - lowest < _FLAT:
        raise RefusedInputError(RefusalCode.CONSTANT_PIXELS, f"all pixels have one gray value, {lowest:.3f} of 1")
