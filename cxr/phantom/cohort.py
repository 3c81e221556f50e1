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
from dataclasses import asdict
from io import StringIO
from pathlib import Path

from cxr.errors import ConfigError, DatasetError
from cxr.phantom.patient_files import (
    BOX_COLUMNS,
    FINDING_COLUMNS,
    LABEL_COLUMNS,
    REPORT_COLUMNS,
    Cohort,
    Row,
    write_patient,
)
from nlp_labeler.storage import write_text

__all__ = ["generate_cohort"]

SIZES = (64, 2048)
TABLES: dict[str, tuple[str, tuple[str, ...]]] = {  # kind of row -> file, columns
    "labels": ("truth/labels.csv", LABEL_COLUMNS),
    "findings": ("truth/findings.csv", FINDING_COLUMNS),
    "boxes": ("truth/boxes.csv", BOX_COLUMNS),
    "reports": ("reports.csv", REPORT_COLUMNS),  # the last: a reports.csv means that the cohort is complete
}


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
    write_text(card, json.dumps(asdict(cohort)))
    return True


def _run(out: Path, cohort: Cohort, numbers: list[int], workers: int) -> Iterator[None]:
    if workers == 1 or len(numbers) < 2:
        for number in numbers:
            write_patient(out, cohort, number)
            yield
        return
    # spawn: forking a process that has threads may hang
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(numbers)), mp_context=context) as pool:
        for future in as_completed([pool.submit(write_patient, out, cohort, number) for number in numbers]):
            future.result()
            yield


def _rows(parts: Path, patients: int, kind: str) -> Iterator[Row]:
    for number in range(1, patients + 1):
        yield from json.loads((parts / f"{number:08d}.json").read_text(encoding="utf-8"))[kind]


def _write_table(path: Path, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    table = StringIO()
    writer = csv.DictWriter(table, columns)
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, table.getvalue())
