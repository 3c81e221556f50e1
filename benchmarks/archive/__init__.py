"""The mangled archive of a hospital: every input accounted for, no leak, no lost addendum, no name in the output.

Also what de-identification finds of planted identifiers, and what large archives cost. The texts with planted
identifiers are ours, as are the rules: a hospital's own texts will have forms that neither knows.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from benchmarks.archive.hospital import COLUMNS, Mangled, mangle
from benchmarks.archive.planted_identifiers import KINDS, planted_texts
from benchmarks.archive.scaling import index_seconds_per_film, peak_mebibytes
from benchmarks.record import Row, exact, line
from cxr.datasets.builder import BuildSummary, build_dataset
from cxr.datasets.check import check_dataset
from cxr.datasets.dataset import open_dataset
from cxr.datasets.deidentification import deidentify
from cxr.datasets.leaks import FaultKind
from cxr.datasets.pseudonyms import Pseudonyms
from cxr.datasets.report_rows import TableOptions
from cxr.phantom.cohort import generate_cohort

PATIENTS, SIZE, SEED = 120, 256, 18
TEXTS = 500
FILMS = (1_000, 200_000)
ROWS = (200_000, 2_000_000)
_LEAKS = {FaultKind.PATIENT_LEAK, FaultKind.PATIENT_ALIAS, FaultKind.REPORT_LEAK, FaultKind.NUMBER_LEAK}
_LEAKS |= {FaultKind.IMAGE_LEAK}


def run() -> list[Row]:
    """All rows of this benchmark."""
    with TemporaryDirectory() as folder:
        return [*archive_rows(Path(folder)), *identifier_rows(), *scaling_rows(Path(folder))]


def archive_rows(folder: Path, *, patients: int = PATIENTS, size: int = SIZE) -> list[Row]:
    """Build and check the mangled archive."""
    cohort = generate_cohort(patients, size, SEED, folder / "cohort", dicom=True)
    planted = mangle(cohort, folder / "hospital", SEED)
    summary = build_dataset(
        planted.images,
        planted.reports,
        folder / "dataset",
        table=TableOptions(COLUMNS, encoding="latin-1"),
        pseudonyms=Pseudonyms(b"a secret of the benchmark"),
        workers=2,
    )
    figures = account(planted, summary, folder / "dataset")
    return line("archive", "mangled export", figures, n=planted.films, unit_of_n="films", data="phantoms")


def account(planted: Mangled, summary: BuildSummary, dataset: Path) -> dict[str, float]:
    """What became of everything that was planted; all but the first two should be zero."""
    texts = " ".join(pd.read_parquet(dataset / "reports.parquet")["text"])
    refused = pd.read_csv(dataset / "refused.csv")
    reports = set(summary.refused) & {"image_missing"}
    of_films = len(refused) - sum(summary.refused[code] for code in reports)
    faults = check_dataset(open_dataset(dataset))
    frontal_refused = of_films - planted.laterals - planted.damaged
    return {
        "films in": float(summary.images),
        "frontal films left out by the gate": float(frontal_refused),
        "films unaccounted for": float(abs(planted.films - summary.images - of_films)),
        "laterals in": float(planted.laterals - summary.refused.get("wrong_view", 0)),
        "missing films not told": float(planted.missing - summary.refused.get("image_missing", 0)),
        "addenda lost": float(sum(words not in texts for words in planted.addenda)),
        "planted names out": float(sum(texts.count(secret) for secret in planted.secrets)),
        "leaks": float(sum(fault.kind in _LEAKS for fault in faults)),
    }


def identifier_rows() -> list[Row]:
    """Recall of planted identifiers by kind, and the share of the other words that stay."""
    texts = list(planted_texts(TEXTS, SEED))
    masked = {text: deidentify(text.text, days=-40) for text in texts}
    rows = []
    for kind in KINDS:
        mine = [text for text in texts if text.kind == kind]
        found = sum(not any(secret in masked[text] for secret in text.secrets) for text in mine)
        figures = {"recall": exact(found, len(mine))}
        rows += line(
            "identifiers", kind, figures, n=len(mine), unit_of_n="texts", data="planted identifiers", interval="exact"
        )
    words = [(word, masked[text].split()) for text in texts for word in text.rest]
    kept = exact(sum(word in left for word, left in words), len(words))
    rows += line(
        "identifiers", "all other words", {"kept": kept}, n=len(words), unit_of_n="words", data="planted identifiers",
        interval="exact",
    )  # fmt: skip
    return rows


def scaling_rows(folder: Path) -> list[Row]:
    """Time per film of equal name, and memory by rows."""
    rows = []
    for films in FILMS:
        seconds = index_seconds_per_film(folder / f"films{films}", films)
        figures = {"microseconds per film": 1e6 * seconds}
        rows += line("archive scaling", f"{films:,} films", figures, n=films, unit_of_n="films", data="empty files")
    for count in ROWS:
        figures = {"peak MiB": peak_mebibytes(folder, count)}
        rows += line("archive scaling", f"{count:,} rows", figures, n=count, unit_of_n="rows", data="made-up reports")
    return rows
