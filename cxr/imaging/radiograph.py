"""What reading a file takes and gives: bounds on its size, pixels with one fixed meaning, what it says about them."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

__all__ = ["FileKind", "Radiograph", "RadiographMetadata", "ReadLimits"]


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Bounds on one input, checked before memory is spent on it.

    Attributes:
        max_bytes: largest file, and largest content of a deflated one.
        max_pixels: largest rows x columns x samples x frames. The largest detectors give about 19 million pixels.
        min_side: smallest width and height; below it there is nothing to see.
    """

    max_bytes: int = 512 * 2**20
    max_pixels: int = 64 * 2**20
    min_side: int = 32


class FileKind(StrEnum):
    """Format of a file, known by its content and never by its name."""

    DICOM = "dicom"
    PNG = "png"
    JPEG = "jpeg"
    TIFF = "tiff"
    BMP = "bmp"


@dataclass(frozen=True, slots=True)
class RadiographMetadata:
    """What a file says about its radiograph; ``None`` where it says nothing.

    Attributes:
        kind: format of the file.
        sha256: hash of the whole file in hexadecimal.
        width: columns of the image.
        height: rows of the image.
        photometric: DICOM photometric interpretation, or the Pillow mode of other files (``"L"``, ``"I;16"``, ...).
        bits_stored: significant bits per sample.
        view_position: DICOM ViewPosition, upper case, e.g. ``"PA"``.
        contradicted_view: whether the header calls the view frontal in one place and lateral in another.
        patient_id: DICOM PatientID as it stands: identifying, keep it out of logs and results.
        patient_id_issuer: DICOM IssuerOfPatientID, under which alone the identifier is unique.
        patient_sex: ``"M"``, ``"F"`` or ``"O"``.
        patient_age: years.
        study_date: DICOM StudyDate, ``YYYYMMDD``.
        pixel_spacing_mm: distance between rows, distance between columns.
        pixel_aspect: height of a pixel over its width; 1.0 where unknown.
        polarity: ``"header"``, or ``"pixels"`` where a MONOCHROME1 header contradicted them.
    """

    kind: FileKind
    sha256: str
    width: int
    height: int
    photometric: str
    bits_stored: int
    view_position: str | None = None
    contradicted_view: bool = False
    patient_id: str | None = None
    patient_id_issuer: str | None = None
    patient_sex: str | None = None
    patient_age: float | None = None
    study_date: str | None = None
    pixel_spacing_mm: tuple[float, float] | None = None
    pixel_aspect: float = 1.0
    polarity: str = "header"


@dataclass(frozen=True, slots=True, eq=False)
class Radiograph:
    """One radiograph as it is meant to be looked at.

    Attributes:
        pixels: (H, W) float32 in [0, 1]; air dark, bone bright (the MONOCHROME2 sense), whatever the file used.
        metadata: what the file says about it.
    """

    pixels: NDArray[np.float32]
    metadata: RadiographMetadata
