"""A hospital's export as it really comes: made of phantoms, mangled in every way that is known to have hurt."""

import csv
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
        films: accession number of each report -> its films, paths below the folder; none where they are missing.
        laterals: films whose header says lateral.
        damaged: films cut short.
        addenda: accession number -> words of the addendum of its report.
        secrets: names and places in the texts.
    """

    images: Path
    reports: Path
    films: dict[str, tuple[str, ...]]
    laterals: int
    damaged: int
    addenda: dict[str, str]
    secrets: tuple[str, ...]

    @property
    def missing(self) -> int:
        """Reports whose films are not there."""
        return sum(not films for films in self.films.values())


def mangle(cohort: Path, out: Path, seed: int) -> Mangled:
    """Turn a phantom cohort with DICOM films into such an export.

    Films are called IM000001.dcm in folders of study UIDs; the table has semicolons, latin-1, foreign columns, days
    before months and slashes in accession numbers; some impressions come as addenda of a later day.
    """
    rng = random.Random(seed)
    images = out / "export"
    table = pd.read_csv(cohort / "reports.csv", dtype=str, keep_default_na=False)
    rows: list[tuple[str, ...]] = []
    addenda: dict[str, str] = {}
    films: dict[str, tuple[str, ...]] = {}
    laterals = damaged = 0
    for number, row in enumerate(table.to_dict("records")):
        accession, study = f"XR/2021/{number:05d}", generate_uid(entropy_srcs=[str(seed), str(number)])
        signed = f"Dictated by Dr. {rng.choice(_NAMES)}, {rng.choice(_PLACES)}."
        words = "item " + "".join(chr(ord("a") + int(digit)) for digit in f"{number:05d}")
        rows += _rows(row, accession, signed, words if number % _ADDENDUM == 3 else "")
        if number % _ADDENDUM == 3:
            addenda[accession] = words
        if number % _MISSING == 11:
            films[accession] = ()
            continue
        source = cohort / "images" / row["image"].replace(".png", ".dcm")
        folder = images / f"DIR{number % 3}" / study
        ids = {"AccessionNumber": accession, "StudyInstanceUID": study}
        kinds = {"IM000001.dcm": "damaged" if number % _DAMAGED == 5 else "frontal"}
        kinds |= {"IM000002.dcm": "lateral"} if number % _LATERAL == 2 else {}
        kinds |= {"IM000003.dcm": "darker"} if number % _SECOND == 4 else {}
        for name, kind in kinds.items():
            _film(source, folder / name, ids, kind)
        films[accession] = tuple((folder / name).relative_to(images).as_posix() for name in kinds)
        laterals += "lateral" in kinds.values()
        damaged += "damaged" in kinds.values()
    reports = out / "Befunde.csv"
    with reports.open("w", encoding="latin-1", newline="") as stream:
        writer = csv.writer(stream, delimiter=";")
        writer.writerow(COLUMNS.values())
        writer.writerows(rows)
    secrets = tuple(
        part for name in (*_NAMES, *(place.split()[-1] for place in _PLACES)) for part in name.split() if len(part) > 3
    )
    return Mangled(images, reports, films, laterals, damaged, addenda, secrets)


def _rows(row: Mapping[Any, str], accession: str, signed: str, words: str) -> list[tuple[str, ...]]:
    """A report of the cohort as rows of the table; with words, its impression comes first, as a later addendum."""
    day = pd.Timestamp(row["study_date"])
    person, about = row["patient_id"].lstrip("0"), ({"M": "m", "F": "w"}[row["sex"]], row["age"])
    findings, impression = f"FINDINGS: {row['findings']}", f"IMPRESSION: {row['impression']}"
    if not words:
        return [(accession, person, f"{day:%d.%m.%Y}", *about, f"{findings}\n{impression}\n{signed}")]
    later = day + pd.Timedelta(days=2)
    return [
        (accession, person, f"{later:%d.%m.%Y}", *about, f"{impression} Reviewed again, {words}.\n{signed}"),
        (accession, person, f"{day:%d.%m.%Y}", *about, f"{findings}\n{signed}"),
    ]


def _film(source: Path, target: Path, ids: dict[str, str], kind: str) -> None:
    """Write a film of the cohort under the identifiers of the export."""
    film = dcmread(source)
    for name, value in ids.items():
        setattr(film, name, value)
    film.SOPInstanceUID = generate_uid(entropy_srcs=[ids["StudyInstanceUID"], target.name])
    if kind == "lateral":
        film.ViewPosition = "LL"
    if kind == "darker":
        film.PixelData = (film.pixel_array * np.float32(0.9)).astype(film.pixel_array.dtype).tobytes()
    target.parent.mkdir(parents=True, exist_ok=True)
    film.save_as(target)
    if kind == "damaged":
        content = target.read_bytes()
        target.write_bytes(content[: len(content) // 2])
