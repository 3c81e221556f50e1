"""The files of one patient of a cohort: films, masks, and the rows of the cohort's tables."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cxr.phantom.course import draw_visits
from cxr.phantom.dicom import write_dicom
from cxr.phantom.language import dictate
from cxr.phantom.patient import draw_patient
from cxr.phantom.render import render
from cxr.phantom.truth import Row, box_rows, finding_rows, label_row

__all__ = ["REPORT_COLUMNS", "Cohort", "write_bytes", "write_patient"]

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
        report = dictate(patient, visit, rng)
        film = render(patient, visit, cohort.size, np.random.default_rng([cohort.seed, number, visit.follow_up]))
        _write_png(out / "images" / image, np.rint(film.pixels * 255).astype(np.uint8))
        if cohort.dicom:
            temporary = out / "images" / f"{stem}.tmp"
            write_dicom(temporary, film.pixels, patient, visit, film.pixel_cm)
            temporary.replace(out / "images" / f"{stem}.dcm")
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
    write_bytes(out / "truth" / "parts" / f"{patient.identifier}.json", json.dumps(rows).encode())


def _write_png(path: Path, pixels: np.ndarray) -> None:
    temporary = path.with_suffix(".tmp")
    Image.fromarray(pixels).save(temporary, format="PNG", compress_level=4)
    temporary.replace(path)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; what a killed run left under the passing name is written over."""
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
