"""Who is on the image and when it was taken, as far as the file or its name says."""

import re
from pathlib import PurePosixPath

from cxr.imaging.radiograph import FileKind, RadiographMetadata
from cxr.worklist.case import Subject

__all__ = ["subject_of"]

# The naming of ChestX-ray8 and of phantom cohorts: patient, number of the visit.
_PATIENT_AND_VISIT = re.compile(r"^(\d{8})_(\d{3})(?:\.|$)")
_LONGEST = 64  # of a DICOM short text; a header from outside may hold anything


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
            study_date=metadata.study_date,
            sex=metadata.patient_sex,
            age=None if age is None else round(age, 1),
            view=metadata.view_position,
        )
    named = _PATIENT_AND_VISIT.match(PurePosixPath(name.replace("\\", "/")).name)
    return Subject(patient=named[1], study_date=named[2]) if named else Subject()
