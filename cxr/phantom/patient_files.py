"""The files of one patient of a cohort: films, masks, and the rows of the cohort's tables.

The truth about a film (labels, findings, boxes) is written apart from the export, and read by no training.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr.phantom.course import Visit, draw_visits
from cxr.phantom.dicom import write_dicom
from cxr.phantom.language import Report, write_report
from cxr.phantom.patient import Patient, draw_patient
from cxr.phantom.render import render
from nlp_labeler.findings import ANCESTORS, LABELS, NO_FINDING
from nlp_labeler.storage import atomic_path, atomic_writer, write_text

__all__ = [
    "BOX_COLUMNS",
    "FINDING_COLUMNS",
    "LABEL_COLUMNS",
    "REPORT_COLUMNS",
    "Cohort",
    "Row",
    "write_patient",
]

Row = dict[str, str | int | float]

LABEL_COLUMNS = ("image", "patient_id", *LABELS, NO_FINDING)
FINDING_COLUMNS = ("image", "label", "side", "zone", "severity", "grade", "change", "said", "mask")
BOX_COLUMNS = ("image", "label", "x", "y", "width", "height")


def label_row(image: str, patient: Patient, visit: Visit) -> Row:
    """1 where a finding, or one below it in the ontology, is present; No Finding where nothing at all is."""
    present = {lesion.finding for lesion in visit.lesions}
    closed = present.union(*(ANCESTORS[name] for name in present)) if present else set()
    row: Row = {"image": image, "patient_id": patient.identifier}
    row |= {label: int(label in closed) for label in LABELS}
    row[NO_FINDING] = int(not present and not patient.incidental)
    return row


def finding_rows(image: str, visit: Visit, report: Report, masks: list[str]) -> list[Row]:
    """One row per lesion: where, how bad, what it did since, how the report said it, and its mask file."""
    return [
        {
            "image": image,
            "label": lesion.finding,
            "side": lesion.side,
            "zone": lesion.zone,
            "severity": round(lesion.severity, 4),
            "grade": lesion.grade,
            "change": lesion.change,
            "said": report.said[lesion.finding],
            "mask": mask,
        }
        for lesion, mask in zip(visit.lesions, masks, strict=True)
    ]


def bounding_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """x, y, width, height in pixels of the tightest box around a mask; None where it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return None
    return (
        int(columns[0]),
        int(rows[0]),
        int(columns[-1] - columns[0] + 1),
        int(rows[-1] - rows[0] + 1),
    )


def box_rows(image: str, visit: Visit, masks: tuple[NDArray[np.bool_], ...]) -> list[Row]:
    """One box per lesion; a finding of both lungs gets one box per half of the image."""
    rows: list[Row] = []
    for lesion, mask in zip(visit.lesions, masks, strict=True):
        middle = mask.shape[1] // 2
        parts = [mask]
        if lesion.side == "bilateral":
            left, right = mask.copy(), mask.copy()
            left[:, middle:], right[:, :middle] = False, False
            parts = [left, right]
        for part in parts:
            box = bounding_box(part)
            if box is not None:
                rows.append({"image": image, "label": lesion.finding} | dict(zip(BOX_COLUMNS[2:], box, strict=True)))
    return rows


REPORT_COLUMNS: tuple[str, ...] = ("id", "image", "patient_id", "follow_up", "study_date", "age", "sex", "view")
REPORT_COLUMNS += ("indication", "comparison", "findings", "impression")


@dataclass(frozen=True)
class Cohort:
    """What one cohort is made of.

    Attributes:
        patients: how many people; each has one to five visits.
        size: pixels per side.
        seed: of everything random.
        dicom: whether every image is also written as DICOM.
    """

    patients: int
    size: int
    seed: int
    dicom: bool


def write_patient(out: Path, cohort: Cohort, number: int) -> None:
    """Write everything about one patient; the part file, written last, marks it as done."""
    rng = np.random.default_rng([cohort.seed, number])
    patient = draw_patient(number, rng)
    rows: dict[str, list[Row]] = {kind: [] for kind in ("labels", "findings", "boxes", "reports")}
    for visit in draw_visits(patient, rng):
        stem = f"{patient.identifier}_{visit.follow_up:03d}"
        image = f"{stem}.png"
        report = write_report(patient, visit, rng)
        film = render(patient, visit, cohort.size, np.random.default_rng([cohort.seed, number, visit.follow_up]))
        _write_png(out / "images" / image, np.rint(film.pixels * 255).astype(np.uint8))
        if cohort.dicom:
            with atomic_path(out / "images" / f"{stem}.dcm") as temporary:
                write_dicom(temporary, film.pixels, patient, visit, film.pixel_cm)
        masks = []
        for position, (lesion, mask) in enumerate(zip(visit.lesions, film.masks, strict=True)):
            masks.append(f"{stem}_{position}_{lesion.finding}.png")
            _write_png(out / "truth" / "masks" / masks[-1], mask.astype(np.uint8) * 255)
        rows["labels"].append(label_row(image, patient, visit))
        rows["findings"] += finding_rows(image, visit, report, masks)
        rows["boxes"] += box_rows(image, visit, film.masks)
        rows["reports"].append(
            {
                "id": stem,
                "image": image,
                "patient_id": patient.identifier,
                "follow_up": visit.follow_up,
                "study_date": visit.day.isoformat(),
                "age": visit.age,
                "sex": patient.sex,
                "view": visit.view,
                "indication": report.indication,
                "comparison": report.comparison,
                "findings": report.findings,
                "impression": report.impression,
            }
        )
    write_text(out / "truth" / "parts" / f"{patient.identifier}.json", json.dumps(rows), durable=False)


def _write_png(path: Path, pixels: np.ndarray) -> None:
    with atomic_writer(path, durable=False) as stream:
        Image.fromarray(pixels).save(stream, format="PNG", compress_level=4)
