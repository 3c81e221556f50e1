"""Put one source image into a dataset folder: checked, without a DICOM header, never half written."""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.burnt_in_text import require_no_text
from cxr.imaging.radiograph import FileKind, Radiograph, RadiographMetadata
from cxr.imaging.reading import read_radiograph
from nlp_labeler.storage import atomic_writer

__all__ = ["FilmGate", "require_frontal", "store_image"]

_SUFFIX = {FileKind.PNG: ".png", FileKind.JPEG: ".jpg"}
_GRAY_LEVELS = 255
# What Pillow reports of a file that says nothing about a person.
_HARMLESS = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "gamma", "srgb", "progressive", "progression"}


class FilmGate(Protocol):
    """Looks whether a picture may be learned from: the shipped :class:`~cxr.imaging.quality.QualityGate`, or more."""

    def check(self, image: NDArray[np.float32], /) -> object:
        """Refuse a picture, (H, W) in [0, 1], that is no whole, upright frontal chest.

        Raises:
            RefusedInputError: saying why.
        """


def store_image(
    source: Path, folder: Path, stem: str, *, deidentify: bool, gate: FilmGate | None
) -> tuple[str, RadiographMetadata]:
    """Read one image and write it into ``folder`` under ``stem`` and the suffix of its format.

    The picture is written anew as it is read (8-bit gray PNG, full resolution), so that nothing of a DICOM header, of
    EXIF data or of PNG comments comes along. Gray 8-bit PNG and JPEG files without such data are copied as they are.

    Args:
        source: the image file.
        folder: where to write.
        stem: name of the new file without suffix.
        deidentify: refuse pictures with a block of text in their pixels, which may name the patient.
        gate: refuses pictures that are no whole, upright frontal chest; ``None`` takes all.

    Returns:
        The name of the file written, and what the source said about the image.

    Raises:
        RefusedInputError: if it cannot be read as a frontal chest radiograph, or holds text that must not be kept.
    """
    data = source.read_bytes()
    radiograph = read_radiograph(data)
    if gate is not None:
        require_frontal(radiograph, gate)
    if deidentify:
        require_no_text(radiograph.pixels)
    kind = radiograph.metadata.kind
    plain = kind in _SUFFIX and radiograph.metadata.photometric == "L" and not _carries_text(source)
    name = stem + (_SUFFIX[kind] if plain else ".png")
    with atomic_writer(folder / name, durable=False) as stream:
        if plain:
            stream.write(data)
        else:
            _picture(radiograph).save(stream, format="PNG")
    return name, radiograph.metadata


def require_frontal(radiograph: Radiograph, gate: FilmGate) -> None:
    """Refuse what the gate refuses, but for text in the pixels, which harms no training.

    Raises:
        RefusedInputError: not_frontal_chest, wrong_view, inverted, rotated, cropped.
    """
    try:
        gate.check(radiograph.pixels)
    except RefusedInputError as error:
        if error.code is not RefusalCode.BURNT_IN_TEXT:
            raise


def _picture(radiograph: Radiograph) -> Image.Image:
    return Image.fromarray(np.rint(radiograph.pixels * _GRAY_LEVELS).astype(np.uint8))


def _carries_text(path: Path) -> bool:
    """Whether a picture file holds more than pixels and resolution: EXIF, comments, XMP, text chunks."""
    with Image.open(path) as picture:
        return bool(set(picture.info) - _HARMLESS) or bool(picture.getexif())
