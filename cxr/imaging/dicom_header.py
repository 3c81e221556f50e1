"""What a DICOM header must say before its pixels are decoded, and what is kept of it.

Headers are often silent or wrong about what is shown; only a clear statement that it is no frontal chest is refused
here. What the pixels show is judged by :mod:`cxr.imaging.quality`.
"""

import re

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import UID

from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.radiograph import FileKind, RadiographMetadata, ReadLimits

__all__ = [
    "CHEST_WORDS",
    "FRONTAL_VIEWS",
    "LATERAL_VIEWS",
    "PROJECTION_MODALITIES",
    "age_in_years",
    "check_header",
    "read_metadata",
]

PROJECTION_MODALITIES = frozenset({"CR", "DX", "DR", "RG", "XR", "RF", "OT", "SC", "HC"})
"""Modalities that a chest radiograph may carry; OT and SC are secondary captures and say nothing about the picture."""

CHEST_WORDS = ("CHEST", "THORA", "TORAX", "LUNG", "PULMO", "RIB", "HEART", "CXR", "TRUNK")
"""A BodyPartExamined that holds one of these is a chest."""

LATERAL_VIEWS = frozenset({"LL", "RL", "LAT", "LATERAL", "LLD", "RLD"})
"""View positions that are not frontal."""

FRONTAL_VIEWS = frozenset({"PA", "AP"})
"""View positions that are frontal; where another element says lateral, the film is doubtful, not refused."""

# SNOMED CT and SNOMED RT codes of DICOM's CID 4010: lateral, left lateral, right lateral.
_LATERAL_CODES = frozenset({"399067008", "399173006", "399198007", "R-102CD", "R-10236", "R-10232"})
_DESCRIPTIONS = ("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription")
_WORD = re.compile(r"[^\W\d_]+")
_LATERAL_WORDS = frozenset(
    {"LAT", "LATERAL", "LATERALE", "LATERALIS", "LL", "LLAT", "RLAT", "LATL", "LATR", "PROFIL", "PERFIL"}
    | {"SEITLICH", "SEITL", "SEIT", "SEITENBILD", "ZIJDELINGS", "DWARS", "BOCZNE", "SIVU", "YAN"}
)
_FRONTAL_WORDS = frozenset(
    {"PA", "AP", "FRONTAL", "FRONT", "FRN", "POSTEROANTERIOR", "ANTEROPOSTERIOR", "FACE", "DV", "VD"}
)
_SUPPORTED_SAMPLES = {1: ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"), 3: ("RGB", "YBR_")}
_NEEDED = ("Rows", "Columns", "BitsAllocated", "BitsStored", "PhotometricInterpretation")
_AGE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([DWMY]?)\s*$", re.IGNORECASE)
_OLDEST = 120  # years; nobody is known to have grown much older
_DAYS_PER_UNIT = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}


def check_header(dataset: Dataset, limits: ReadLimits) -> None:
    """Refuse what is not one image of a supported kind and size, before anything is decoded.

    Raises:
        RefusedInputError: not_an_image, truncated, multi_frame, too_large, corrupt, wrong_modality, wrong_body_part,
            wrong_view.
    """
    if "PixelData" not in dataset and all(dataset.get(name) for name in ("Rows", "Columns", "BitsAllocated")):
        raise RefusedInputError(
            RefusalCode.TRUNCATED, "the header describes an image, but its pixel data are missing or break off"
        )
    if "PixelData" not in dataset:
        name = UID(str(dataset.get("SOPClassUID", ""))).name or "no SOP class"
        raise RefusedInputError(RefusalCode.NOT_AN_IMAGE, f"the DICOM object ({name}) holds no integer pixel data")
    missing = [name for name in _NEEDED if dataset.get(name) in (None, "")]
    if missing:
        raise RefusedInputError(RefusalCode.CORRUPT, f"the DICOM header lacks {missing[0]}")
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1:
        raise RefusedInputError(RefusalCode.MULTI_FRAME, f"the DICOM object holds {frames} frames, not one radiograph")
    samples = int(dataset.get("SamplesPerPixel") or 1)
    pixels = int(dataset.Rows) * int(dataset.Columns) * samples
    if pixels > limits.max_pixels:
        raise RefusedInputError(
            RefusalCode.TOO_LARGE,
            f"{dataset.Columns} x {dataset.Rows} x {samples} samples exceed the limit of {limits.max_pixels:,}",
        )
    photometric = str(dataset.PhotometricInterpretation)
    if not photometric.startswith(_SUPPORTED_SAMPLES.get(samples, ())):
        raise RefusedInputError(
            RefusalCode.CORRUPT,
            f"{samples} samples per pixel contradict photometric interpretation {photometric[:16]}",
        )
    if not 1 <= int(dataset.BitsStored) <= int(dataset.BitsAllocated):
        raise RefusedInputError(
            RefusalCode.CORRUPT, f"{dataset.BitsStored} bits stored do not fit {dataset.BitsAllocated} bits allocated"
        )
    _require_frontal_chest(dataset)


def age_in_years(text: str | None, *, bare_number: bool = False) -> float | None:
    """An age such as ``063Y`` or ``011M`` in years; ``None`` for anything else, and for an age that nobody reaches.

    Args:
        text: as DICOM (PS3.5, value representation AS) or a label table writes it; leading zeros may be missing.
        bare_number: whether a number without a unit is one of years, as in label tables; DICOM always has a unit.
    """
    match = _AGE.match(text or "")
    if match is None or not (match[2] or bare_number):
        return None
    years = float(match[1]) * _DAYS_PER_UNIT[match[2].upper() or "Y"] / _DAYS_PER_UNIT["Y"]
    return years if years <= _OLDEST else None


def _require_frontal_chest(dataset: Dataset) -> None:
    """Refuse an image whose own header says that it is something else."""
    modality, part, view = (_text(dataset, name) for name in ("Modality", "BodyPartExamined", "ViewPosition"))
    if modality and modality not in PROJECTION_MODALITIES:
        raise RefusedInputError(
            RefusalCode.WRONG_MODALITY,
            f"modality {modality[:16]} is not projection radiography ({', '.join(sorted(PROJECTION_MODALITIES))})",
        )
    if part and not any(word in part for word in CHEST_WORDS):
        raise RefusedInputError(RefusalCode.WRONG_BODY_PART, f"body part {part[:16]} is not the chest")
    if view and view in LATERAL_VIEWS:
        raise RefusedInputError(RefusalCode.WRONG_VIEW, f"view position {view} is lateral; frontal views are read")
    said = _said_lateral(dataset)
    if said and not _said_frontal(dataset):
        raise RefusedInputError(RefusalCode.WRONG_VIEW, f"{said} says that the film is lateral; frontal views are read")


def _said_frontal(dataset: Dataset) -> bool:
    """Whether the view position, or the direction of the rows, is that of a frontal film."""
    return _text(dataset, "ViewPosition") in FRONTAL_VIEWS or _row_direction(dataset) in {"L", "R"}


def _row_direction(dataset: Dataset) -> str:
    """Where the rows run in the patient, by PatientOrientation: A, P, L, R, H or F; empty where it is not said."""
    orientation = dataset.get("PatientOrientation")
    return str(orientation[0])[:1].upper() if isinstance(orientation, MultiValue) and orientation else ""


def _said_lateral(dataset: Dataset) -> str | None:
    """The first element, but for ViewPosition, that says of a film that it is lateral; ``None`` where none does.

    A description that names a frontal view too is of a whole examination, and says nothing of this film.
    """
    for item in dataset.get("ViewCodeSequence") or ():
        meaning = set(_WORD.findall(_text(item, "CodeMeaning") or ""))
        if _text(item, "CodeValue") in _LATERAL_CODES or meaning & _LATERAL_WORDS:
            return "ViewCodeSequence"
    if _row_direction(dataset) in {"A", "P"}:
        return "PatientOrientation"
    for name in _DESCRIPTIONS:
        words = set(_WORD.findall(_text(dataset, name) or ""))
        if words & _LATERAL_WORDS and not words & _FRONTAL_WORDS:
            return name
    return None


def read_metadata(dataset: Dataset) -> RadiographMetadata:
    """What is kept of a header. Odd values become ``None``: they must not stop a readable image."""
    spacing = _numbers(dataset, "PixelSpacing") or _numbers(dataset, "ImagerPixelSpacing")
    ratio = _numbers(dataset, "PixelAspectRatio")
    return RadiographMetadata(
        kind=FileKind.DICOM,
        sha256="",
        width=int(dataset.Columns),
        height=int(dataset.Rows),
        photometric=str(dataset.PhotometricInterpretation),
        bits_stored=int(dataset.BitsStored),
        view_position=_text(dataset, "ViewPosition"),
        patient_id=str(dataset.get("PatientID") or "") or None,
        patient_id_issuer=_text(dataset, "IssuerOfPatientID"),
        contradicted_view=_said_frontal(dataset) and _said_lateral(dataset) is not None,
        patient_sex=sex if (sex := (_text(dataset, "PatientSex") or "")[:1]) in {"M", "F", "O"} else None,
        patient_age=age_in_years(_text(dataset, "PatientAge")),
        study_date=_text(dataset, "StudyDate"),
        pixel_spacing_mm=spacing,
        pixel_aspect=_aspect(spacing, ratio),
    )


def _text(dataset: Dataset, name: str) -> str | None:
    value = dataset.get(name)
    return str(value).strip().upper() or None if value is not None else None


def _numbers(dataset: Dataset, name: str) -> tuple[float, float] | None:
    """Two positive numbers of a header element."""
    try:
        first, second = (float(part) for part in dataset.get(name) or ())
    except (TypeError, ValueError):
        return None
    return (first, second) if 0 < first < float("inf") and 0 < second < float("inf") else None


def _aspect(spacing: tuple[float, float] | None, ratio: tuple[float, float] | None) -> float:
    """Height of a pixel over its width; a ratio beyond 4 is taken for a mistake of the header."""
    vertical, horizontal = spacing or ratio or (1.0, 1.0)
    aspect = vertical / horizontal
    # Rounded spacings differ in the last digit; such pixels are square.
    return 1.0 if abs(aspect - 1) < 0.005 or not 0.25 <= aspect <= 4 else aspect
