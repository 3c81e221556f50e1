"""Who is on the image and when it was taken, as far as the file or its name says."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from cxr.imaging.radiograph import FileKind, RadiographMetadata

__all__ = ["Subject", "subject_of"]

# The naming of ChestX-ray8 and of phantom cohorts: patient, number of the visit (which is no date).
_PATIENT_AND_VISIT = re.compile(r"^(\d{8})_\d{3}(?:\.|$)")
_LONGEST = 64  # of a DICOM short text; a header from outside may hold anything


@dataclass(frozen=True)
class Subject:
    """What the file says about patient and examination; ``None`` where it says nothing.

    Attributes:
        patient: identifier of the patient, unique under its issuer alone.
        study_date: ISO 8601, a valid day.
        sex: ``"F"`` or ``"M"``.
        age: in years.
        view: e.g. ``"PA"``.
        issuer: who gave the identifier: ``"DICOM"`` with the header's issuer, or ``"file name"``.
    """

    patient: str | None = None
    study_date: str | None = None
    sex: str | None = None
    age: float | None = None
    view: str | None = None
    issuer: str = ""

    @property
    def key(self) -> str | None:
        """Joins the images of one patient: number and issuer; ``None`` where the file names nobody."""
        return f"{self.issuer}: {self.patient}" if self.patient else None


def subject_of(metadata: RadiographMetadata | None, name: str) -> Subject:
    """Patient and examination.

    Args:
        metadata: of a screened file, or ``None``.
        name: the file's name, which is asked where the file itself has no header to ask.
    """
    if metadata is not None and metadata.kind is FileKind.DICOM:
        age = metadata.patient_age
        return Subject(
            patient=(metadata.patient_id or "")[:_LONGEST] or None,
            study_date=_iso_date(metadata.study_date),
            sex=metadata.patient_sex,
            age=None if age is None else round(age, 1),
            view=metadata.view_position,
            issuer=f"DICOM {metadata.patient_id_issuer or ''}"[:_LONGEST].strip(),
        )
    named = _PATIENT_AND_VISIT.match(PurePosixPath(name.replace("\\", "/")).name)
    return Subject(patient=named[1], issuer="file name") if named else Subject()


def _iso_date(text: str | None) -> str | None:
    """A DICOM date (``YYYYMMDD``, before version 3 ``YYYY.MM.DD``) as ``YYYY-MM-DD``; ``None`` for what is no day."""
    compact = (text or "").strip().replace(".", "")
    try:
        return datetime.strptime(compact, "%Y%m%d").date().isoformat() if len(compact) == 8 else None
    except ValueError:
        return None
