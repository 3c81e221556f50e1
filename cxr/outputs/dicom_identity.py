"""What links our DICOM objects to the image that they describe, and makes sending them twice harmless."""

from pydicom.config import RAISE
from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid
from pydicom.valuerep import validate_value

from cxr.errors import RefusalCode, RefusedInputError
from cxr.screening.result import ModelIdentity

__all__ = ["MANUFACTURER", "SERIES_NUMBERS", "derived_uid", "referable", "tracking_uid"]

MANUFACTURER = "cxr research software"
SERIES_NUMBERS = {"SR": 9001, "SC": 9002, "GSPS": 9003}
# Type 2 in every composite object: present, though it may be empty. Headers of real archives lack some of them.
_MAY_BE_EMPTY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
_REQUIRED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")


def referable(header: Dataset) -> Dataset:
    """The attributes of a DICOM file as our objects copy them: complete where the standard wants them, if empty.

    Raises:
        RefusedInputError: ``corrupt`` if it cannot be referred to.
    """
    missing = [name for name in _REQUIRED if not header.get(name)]
    if missing:
        raise RefusedInputError(RefusalCode.CORRUPT, f"the DICOM file has no {missing[0]}; nothing can refer to it")
    for name in _MAY_BE_EMPTY:
        if name not in header:
            setattr(header, name, None)
    # Copied into our objects, and a value that no validator accepts must not make them invalid too.
    age = str(header.get("PatientAge") or "")
    try:
        validate_value("AS", age, RAISE)
    except ValueError:
        age = ""
    header.PatientAge = age or None
    return header


def derived_uid(kind: str, source: str, model: ModelIdentity) -> UID:
    """A UID that depends only on what it names: the same image and bundle give the same object again.

    Thresholds and calibration are part of a bundle: with others it is another object, which an archive takes beside
    the first one.

    Args:
        kind: what it identifies, e.g. ``"SR instance"``.
        source: UID of the image or study it belongs to.
        model: the bundle that spoke.
    """
    return generate_uid(
        entropy_srcs=[kind, source, model.bundle, model.version, model.sha256, model.bundle_sha256 or ""]
    )


def tracking_uid(what: str, source: str, model: ModelIdentity) -> UID:
    """The identity of one thing that is said about an image, in whichever object it is said.

    Args:
        what: a finding's name, or ``"NAME region 1"`` of its first box.
        source: SOP Instance UID of the image.
        model: the bundle that spoke.
    """
    return derived_uid(f"tracking {what}", source, model)
