"""What reading a file gives: pixels with one fixed meaning, and what the file says about them."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

__all__ = ["FileKind", "Radiograph", "RadiographMetadata"]


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
        modality: DICOM Modality, e.g. ``"DX"``.
        body_part: DICOM BodyPartExamined, upper case.
        view_position: DICOM ViewPosition, upper case, e.g. ``"PA"``.
        patient_id: DICOM PatientID as it stands: identifying, keep it out of logs and results.
        patient_sex: ``"M"``, ``"F"`` or ``"O"``.
        patient_age: years.
        study_uid: Study Instance UID.
        series_uid: Series Instance UID.
        sop_uid: SOP Instance UID.
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
    modality: str | None = None
    body_part: str | None = None
    view_position: str | None = None
    patient_id: str | None = None
    patient_sex: str | None = None
    patient_age: float | None = None
    study_uid: str | None = None
    series_uid: str | None = None
    sop_uid: str | None = None
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
