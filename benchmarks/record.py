"""One row per claimed figure, with all that is needed to reproduce it."""

import json
import os
import subprocess
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from nlp_labeler.storage import write_text

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


class Row(BaseModel):
    """One measured figure.

    ``table`` groups rows into one README table, ``row`` and ``metric`` name its line and column. ``low`` and ``high``
    bound the 95 % interval where there is one. ``n`` counts what ``unit_of_n`` names (images, reports, patients...).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    table: str
    row: str
    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int
    unit_of_n: str
    data: str
    note: str = ""


class Provenance(BaseModel):
    """How the rows of one benchmark came about."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    benchmark: str
    command: str
    commit: str
    version: str


class Results(BaseModel):
    """The content of one benchmarks/results/NAME.json."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provenance: Provenance
    rows: list[Row]


def shared_data() -> Path:
    """The folder of real data beside the checkout, or the one CXR_SHARED_DATA names.

    Raises:
        SystemExit: if it is not there: the benchmark cannot run.
    """
    folder = Path(os.environ.get("CXR_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        raise SystemExit(f"benchmarks: no real data at {folder}; set CXR_SHARED_DATA")
    return folder


def commit() -> str:
    """Hash of the checked-out commit, with '+changes' where source files differ from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "cxr", "nlp_labeler", "benchmarks/*.py")
    return git("rev-parse", "--short=12", "HEAD") + ("+changes" if changed else "")


def write(benchmark: str, rows: list[Row]) -> Path:
    """Write benchmarks/results/NAME.json atomically and return its path."""
    from cxr import __version__

    results = Results(
        provenance=Provenance(
            benchmark=benchmark, command=f"python -m benchmarks {benchmark}", commit=commit(), version=__version__
        ),
        rows=rows,
    )
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{benchmark}.json"
    write_text(path, results.model_dump_json(indent=1) + "\n")
    return path


def read(benchmark: str) -> Results:
    """Read benchmarks/results/NAME.json."""
    return Results.model_validate(json.loads((RESULTS / f"{benchmark}.json").read_text()))
