"""The mangled archive of a hospital: every input accounted for, no leak, no lost addendum, no name in the output.

Also what de-identification finds of planted identifiers, and what large archives cost. The texts with planted
identifiers are ours, as are the rules: a hospital's own texts will have forms that neither knows.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from benchmarks.archive.hospital import COLUMNS, Mangled, mangle
from benchmarks.archive.learning import HELD_OUT, learn, learning_rows
from benchmarks.archive.planted_identifiers import KINDS, planted_texts
from benchmarks.archive.scaling import build_seconds_per_film, index_seconds_per_film, peak_mebibytes
from benchmarks.provenance import run_folder
from benchmarks.record import Row, exact, line
from cxr.datasets.builder import BuildSummary, build_dataset
from cxr.datasets.check import check_dataset
from cxr.datasets.dataset import open_dataset
from cxr.datasets.deidentification import deidentify
from cxr.datasets.leaks import FaultKind
from cxr.datasets.pseudonyms import Pseudonyms
from cxr.datasets.report_rows import TableOptions
from cxr.phantom.cohort import generate_cohort

PATIENTS, SIZE, SEED = 1100, 256, 18
FRACTIONS = {"train": 0.9, "val": 0.1}
TEXTS = 500
FILMS = (1_000, 200_000)
ROWS = (200_000, 2_000_000)
WORKERS = 2
_SALT = b"a secret of the benchmark"
_LEAKS = {FaultKind.PATIENT_LEAK, FaultKind.PATIENT_ALIAS, FaultKind.REPORT_LEAK, FaultKind.NUMBER_LEAK}
_LEAKS |= {FaultKind.IMAGE_LEAK}


def run() -> list[Row]:
    """All rows of this benchmark; cohorts and trained models resume in runs/archive/HASH."""
    kept = run_folder("archive", (), learn, generate_cohort, mangle, build_dataset, variant=f"{PATIENTS} {SIZE} {SEED}")
    with TemporaryDirectory() as folder:
        return [*archive_rows(kept), *identifier_rows(), *scaling_rows(Path(folder))]


def archive_rows(folder: Path, *, patients: int = PATIENTS, held_out: int = HELD_OUT, size: int = SIZE) -> list[Row]:
    """Build, check and learn from the mangled archive, and learn from the tidy one for comparison."""
    cohort = generate_cohort(patients, size, SEED, folder / "cohort", dicom=True, workers=WORKERS)
    shutil.rmtree(folder / "hospital", ignore_errors=True)
    planted = mangle(cohort, folder / "hospital", SEED)
    summary = build_dataset(
        planted.images,
        planted.reports,
        folder / "mangled",
        table=TableOptions(COLUMNS, encoding="latin-1"),
        fractions=FRACTIONS,
        pseudonyms=Pseudonyms(_SALT),
        workers=WORKERS,
    )
    figures = account(planted, summary, folder / "mangled")
    build_dataset(
        cohort / "images", cohort / "reports.csv", folder / "tidy", fractions=FRACTIONS, seed=0, workers=WORKERS
    )
    films = sum(map(len, planted.films.values()))
    return [
        *line("archive", "mangled export", figures, n=films, unit_of_n="films", data="phantoms"),
        *learning_rows(folder, held_out=held_out, size=size, seed=SEED + 1, workers=WORKERS),
    ]


def account(planted: Mangled, summary: BuildSummary, dataset: Path) -> dict[str, float]:
    """What became of everything that was planted; all but the first two should be zero."""
    names = Pseudonyms(_SALT)
    kept = pd.read_parquet(dataset / "reports.parquet")
    texts = dict(zip(kept["report_id"], kept["text"], strict=True))
    refused = pd.read_csv(dataset / "refused.csv", dtype=str)
    told = set(refused["input"])
    films = [film for mine in planted.films.values() for film in mine]
    of_films = sum(names.of(film, "input") in told for film in films)
    nowhere = [
        accession
        for accession, mine in planted.films.items()
        if names.of(accession, "patient") not in texts
        and not {names.of(name, "input") for name in (accession, *mine)} & told
    ]
    lost = [
        accession
        for accession, words in planted.addenda.items()
        if words not in texts.get(names.of(accession, "patient"), words)
    ]
    written = " ".join(path.read_text() for path in dataset.iterdir() if path.suffix in {".csv", ".txt", ".md"})
    written += " ".join(texts.values())
    faults = check_dataset(open_dataset(dataset), workers=WORKERS)
    return {
        "films in": float(summary.images),
        "frontal films left out by the gate": float(of_films - planted.laterals - planted.damaged),
        "films unaccounted for": float(abs(len(films) - summary.images - of_films)),
        "reports unaccounted for": float(len(nowhere)),
        "laterals in": float(planted.laterals - summary.refused.get("wrong_view", 0)),
        "missing films not told": float(planted.missing - summary.refused.get("image_missing", 0)),
        "addenda lost": float(len(lost)),
        "planted names out": float(sum(written.count(secret) for secret in planted.secrets)),
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
    """Time per film of equal name, for a whole build and for its index alone, and memory by rows."""
    rows = []
    build_seconds_per_film(folder / "warm", FILMS[0])  # loads what any build needs
    for films in FILMS:
        figures = {
            "build, microseconds per film": 1e6 * build_seconds_per_film(folder / f"build{films}", films),
            "index, microseconds per film": 1e6 * index_seconds_per_film(folder / f"index{films}", films),
        }
        rows += line("archive scaling", f"{films:,} films", figures, n=films, unit_of_n="films", data="tiny pictures")
    for count in ROWS:
        figures = {"peak MiB": peak_mebibytes(folder, count)}
        rows += line("archive scaling", f"{count:,} rows", figures, n=count, unit_of_n="rows", data="made-up reports")
    return rows
