"""Who is on the image and when it was taken, as far as the file or its name says."""

import re
from pathlib import Path, PurePosixPath

from pydicom.dataset import Dataset

from cxr.errors import RefusedInputError
from cxr.outputs.dicom_identity import read_header
from cxr.worklist.case import Subject

__all__ = ["header_of", "subject_of"]

# The naming of ChestX-ray8 and of phantom cohorts: patient, number of the visit.
_PATIENT_AND_VISIT = re.compile(r"^(\d{8})_(\d{3})(?:\.|$)")
_AGE = re.compile(r"^(\d{3})([DWMY])$")
_YEARS = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}
_LONGEST = 64  # of a DICOM short text; a header from outside may hold anything


def header_of(source: Path | bytes) -> Dataset | None:
    """The DICOM attributes of a file without its pixels; ``None`` where no result could refer to it."""
    try:
        return read_header(source)
    except RefusedInputError:
        return None


def subject_of(header: Dataset | None, name: str) -> Subject:
    """Patient and examination.

    Args:
        header: attributes of a DICOM file, or ``None``.
        name: the file's name.
    """
    if header is not None:
        return Subject(
            patient=_text(header, "PatientID"),
            study_date=_text(header, "StudyDate"),
            sex=(_text(header, "PatientSex") or "")[:1].upper() or None,
            age=_years(_text(header, "PatientAge")),
            view=_text(header, "ViewPosition"),
        )
    named = _PATIENT_AND_VISIT.match(PurePosixPath(name.replace("\\", "/")).name)
    return Subject(patient=named[1], study_date=named[2]) if named else Subject()


def _text(header: Dataset, keyword: str) -> str | None:
    return str(header.get(keyword) or "").strip()[:_LONGEST] or None


def _years(age: str | None) -> float | None:
    match = _AGE.match(age or "")
    return round(int(match[1]) * _YEARS[match[2]], 1) if match else None
