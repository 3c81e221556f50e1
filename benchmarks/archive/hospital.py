"""A hospital's export as it really comes: made of phantoms, mangled in every way that is known to have hurt."""

import csv
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pydicom import dcmread
from pydicom.uid import generate_uid

__all__ = ["COLUMNS", "Mangled", "mangle"]

COLUMNS = {
    "accession": "AccessionNo",
    "patient": "PatNr",
    "date": "Untersuchungsdatum",
    "sex": "Geschlecht",
    "age": "Alter",
    "text": "Befund",
}
"""What the export calls its columns."""

# All of them can be written in latin-1.
_NAMES = ("Jörg Müller", "Ana García-López", "Søren Kjærgård", "Zoë D'Angelo", "François Lefèvre", "Åsa Ångström")
_PLACES = ("Universitätsklinik Köln", "Hôpital Besançon", "Klinikum Tübingen")
_ADDENDUM, _LATERAL, _SECOND, _MISSING, _DAMAGED = 7, 5, 6, 41, 37


@dataclass(frozen=True)
class Mangled:
    """What was planted.

    Attributes:
        images: folder of the films.
        reports: the table.
        films: files in the folder.
        frontal: readable frontal films.
        laterals: films whose header says lateral.
        damaged: films cut short.
        missing: reports whose films are not there.
        addenda: words of each addendum.
        secrets: names and places in the texts.
        patients: patients with a readable film.
    """

    images: Path
    reports: Path
    films: int
    frontal: int
    laterals: int
    damaged: int
    missing: int
    addenda: tuple[str, ...]
    secrets: tuple[str, ...]
    patients: int


def mangle(cohort: Path, out: Path, seed: int) -> Mangled:
    """Turn a phantom cohort with DICOM films into such an export.

    Films are called IM000001.dcm in folders of study UIDs; the table has semicolons, latin-1, foreign columns, days
    before months and slashes in accession numbers; some impressions come as addenda of a later day.
    """
    rng = random.Random(seed)
    images = out / "export"
    table = pd.read_csv(cohort / "reports.csv", dtype=str, keep_default_na=False)
    rows: list[tuple[str, ...]] = []
    addenda: list[str] = []
    films = frontal = laterals = damaged = missing = 0
    patients: set[str] = set()
    for number, row in enumerate(table.to_dict("records")):
        accession, study = f"XR/2021/{number:05d}", generate_uid(entropy_srcs=[str(seed), str(number)])
        day = pd.Timestamp(row["study_date"])
        signed = f"Dictated by Dr. {rng.choice(_NAMES)}, {rng.choice(_PLACES)}."
        about = (
            accession,
            row["patient_id"].lstrip("0"),
            f"{day:%d.%m.%Y}",
            {"M": "m", "F": "w"}[row["sex"]],
            row["age"],
        )
        text = f"FINDINGS: {row['findings']}\nIMPRESSION: {row['impression']}\n{signed}"
        if number % _ADDENDUM == 3:
            words = "item " + "".join(chr(ord("a") + int(digit)) for digit in f"{number:05d}")
            addenda.append(words)
            later = (*about[:2], f"{day + pd.Timedelta(days=2):%d.%m.%Y}", *about[3:])
            rows.append((*later, f"IMPRESSION: {row['impression']} Reviewed again, {words}.\n{signed}"))
            text = f"FINDINGS: {row['findings']}\n{signed}"
        rows.append((*about, text))
        if number % _MISSING == 11:
            missing += 1
            continue
        film = dcmread(cohort / "images" / row["image"].replace(".png", ".dcm"))
        film.AccessionNumber, film.StudyInstanceUID = accession, study
        folder = images / f"DIR{number % 3}" / study
        folder.mkdir(parents=True)
        film.save_as(folder / "IM000001.dcm")
        films += 1
        if number % _DAMAGED == 5:
            content = (folder / "IM000001.dcm").read_bytes()
            (folder / "IM000001.dcm").write_bytes(content[: len(content) // 2])
            damaged += 1
        else:
            frontal += 1
            patients.add(row["patient_id"])
        if number % _LATERAL == 2:
            film.ViewPosition = "LL"
            film.save_as(folder / "IM000002.dcm")
            films, laterals = films + 1, laterals + 1
        if number % _SECOND == 4:
            film.ViewPosition = row["view"]
            film.PixelData = (film.pixel_array * np.float32(0.9)).astype(film.pixel_array.dtype).tobytes()
            film.save_as(folder / "IM000003.dcm")
            films, frontal = films + 1, frontal + 1
            patients.add(row["patient_id"])
    reports = out / "Befunde.csv"
    with reports.open("w", encoding="latin-1", newline="") as stream:
        writer = csv.writer(stream, delimiter=";")
        writer.writerow(COLUMNS.values())
        writer.writerows(rows)
    secrets = tuple(
        part for name in (*_NAMES, *(place.split()[-1] for place in _PLACES)) for part in name.split() if len(part) > 3
    )
    return Mangled(images, reports, films, frontal, laterals, damaged, missing, tuple(addenda), secrets, len(patients))
