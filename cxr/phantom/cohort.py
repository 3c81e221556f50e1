"""A whole synthetic hospital export: images and free-text reports, with the truth in a folder of its own.

    OUT/images/00000001_000.png        8-bit greyscale; with ``dicom`` also 00000001_000.dcm
    OUT/reports.csv                    one free-text report per image, no labels
    OUT/truth/labels.csv               image, patient_id, one 0/1 column per finding, No Finding
    OUT/truth/findings.csv             one row per lesion: side, zone, severity, grade, change, said, mask
    OUT/truth/boxes.csv                image, label, x, y, width, height in pixels of the image
    OUT/truth/masks/*.png              0/255
    OUT/truth/cohort.json              what was asked for

A cohort depends on its seed alone: every patient draws from a stream of its own, so that the number of workers, an
interruption or a larger cohort change nothing about a patient.
"""

import csv
import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cxr.errors import ConfigError, DatasetError
from cxr.phantom.course import draw_patient, draw_visits
from cxr.phantom.dicom import write_dicom
from cxr.phantom.language import dictate
from cxr.phantom.render import render
from cxr.phantom.truth import BOX_COLUMNS, FINDING_COLUMNS, LABEL_COLUMNS, Row, box_rows, finding_rows, label_row

__all__ = ["REPORT_COLUMNS", "Cohort", "generate_cohort"]

REPORT_COLUMNS: tuple[str, ...] = ("id", "image", "patient_id", "follow_up", "study_date", "age", "sex", "view")
REPORT_COLUMNS += ("indication", "comparison", "findings", "impression")
SIZES = (64, 2048)
TABLES: dict[str, tuple[str, tuple[str, ...]]] = {  # kind of row -> file, columns
    "labels": ("truth/labels.csv", LABEL_COLUMNS),
    "findings": ("truth/findings.csv", FINDING_COLUMNS),
    "boxes": ("truth/boxes.csv", BOX_COLUMNS),
    "reports": ("reports.csv", REPORT_COLUMNS),  # the last: a reports.csv means that the cohort is complete
}


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


def generate_cohort(
    patients: int,
    size: int,
    seed: int,
    out: Path | str,
    dicom: bool = False,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a cohort, or finish one that was interrupted.

    Args:
        patients: at least 1.
        size: pixels per side, 64 to 2048.
        seed: the same seed gives the same bytes.
        out: folder to write; new, empty, or holding the same cohort.
        dicom: write every image as DICOM too, in both photometric interpretations over the cohort.
        workers: processes.
        progress: called with patients done and patients in all.

    Returns:
        ``out`` as a path.

    Raises:
        ConfigError: a number out of range.
        DatasetError: ``out`` holds something else.
    """
    if patients < 1 or workers < 1 or seed < 0 or not SIZES[0] <= size <= SIZES[1]:
        raise ConfigError(
            f"patients={patients}, size={size}, seed={seed}, workers={workers}: patients and workers must be at least "
            f"1, seed at least 0, size from {SIZES[0]} to {SIZES[1]}"
        )
    out, cohort = Path(out), Cohort(patients, size, seed, dicom)
    if not _claim(out, cohort):
        return out
    parts = out / "truth" / "parts"
    missing = [number for number in range(1, patients + 1) if not (parts / f"{number:08d}.json").exists()]
    for done, _ in enumerate(_run(out, cohort, missing, workers), start=patients - len(missing) + 1):
        if progress is not None:
            progress(done, patients)
    for kind, (name, columns) in TABLES.items():
        _write_table(out / name, columns, _rows(parts, patients, kind))
    for part in parts.iterdir():
        part.unlink()
    parts.rmdir()
    return out


def _claim(out: Path, cohort: Cohort) -> bool:
    """Prepare the folder; False when the cohort is already there, complete."""
    card = out / "truth" / "cohort.json"
    if card.exists():
        found = json.loads(card.read_text(encoding="utf-8"))
        if found != asdict(cohort):
            raise DatasetError(f"{out} holds the cohort {found}, not {asdict(cohort)}; choose another folder")
        return not (out / "reports.csv").exists()
    if out.exists() and any(out.iterdir()):
        raise DatasetError(f"{out} is not empty and holds no cohort; choose another folder")
    for name in ("images", "truth/masks", "truth/parts"):
        (out / name).mkdir(parents=True, exist_ok=True)
    _replace(card, json.dumps(asdict(cohort)).encode())
    return True


def _run(out: Path, cohort: Cohort, numbers: list[int], workers: int) -> Iterator[None]:
    if workers == 1 or len(numbers) < 2:
        for number in numbers:
            _write_patient(out, cohort, number)
            yield
        return
    # spawn: forking a process that has threads may hang
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(numbers)), mp_context=context) as pool:
        for future in as_completed([pool.submit(_write_patient, out, cohort, number) for number in numbers]):
            future.result()
            yield


def _write_patient(out: Path, cohort: Cohort, number: int) -> None:
    """Everything about one patient; the part file, written last, marks it as done."""
    rng = np.random.default_rng([cohort.seed, number])
    patient = draw_patient(number, rng)
    rows: dict[str, list[Row]] = {kind: [] for kind in TABLES}
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
    _replace(out / "truth" / "parts" / f"{patient.identifier}.json", json.dumps(rows).encode())


def _write_png(path: Path, pixels: np.ndarray) -> None:
    temporary = path.with_suffix(".tmp")
    Image.fromarray(pixels).save(temporary, format="PNG", compress_level=4)
    temporary.replace(path)


def _rows(parts: Path, patients: int, kind: str) -> Iterator[Row]:
    for number in range(1, patients + 1):
        yield from json.loads((parts / f"{number:08d}.json").read_text(encoding="utf-8"))[kind]


def _write_table(path: Path, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(rows)
    temporary.replace(path)


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
