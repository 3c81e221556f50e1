"""One row per claimed figure, with all that is needed to reproduce it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, model_validator

from benchmarks import provenance
from benchmarks.provenance import RESULTS
from cxr.evaluation.bootstrap import Estimate
from cxr.operating_points import Proportion
from nlp_labeler.storage import write_text

__all__ = ["MIXED", "Figure", "IntervalKind", "Recording", "Results", "Row", "exact", "line", "over_seeds", "read"]

MIXED = "measured"
"""Name of a column whose figures have units of their own."""

IntervalKind = Literal[
    "bootstrap by patient",
    "bootstrap by report",
    "range over seeds",
    "range over rounds",
    "range over draws",
    "range over findings",
    "exact",
    "Wilson",
    "none",
]
"""What a 95 % interval resamples or bounds; a range runs from the least to the most of several runs."""


class Figure(Protocol):
    """A value between two ends."""

    @property
    def value(self) -> float:
        """The figure itself."""

    @property
    def low(self) -> float:
        """Lower end."""

    @property
    def high(self) -> float:
        """Upper end."""


class Row(BaseModel):
    """One measured figure.

    ``table`` groups rows into one README table, ``row`` and ``metric`` name its line and column. ``low`` and ``high``
    bound an ``interval`` of the kind named, where there is one. ``n`` counts what ``unit_of_n`` names (images, reports,
    patients...). ``seeds`` are those of the trainings behind it.

    ``commit`` is the one at which it was measured, ``code`` and ``sources`` the hashes of the code and real data that
    went into it (see :mod:`benchmarks.provenance`), ``runs`` the commits at which trained runs that it takes up were
    begun. Rows without ``code`` were recorded before there were hashes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    table: str
    row: str
    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    interval: IntervalKind = "none"
    n: int
    unit_of_n: str
    data: str
    seeds: tuple[int, ...] = ()
    note: str = ""
    commit: str = ""
    code: str = ""
    sources: str = ""
    runs: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _interval_has_ends(self) -> Self:
        if not (self.low is None) == (self.high is None) == (self.interval == "none"):
            raise ValueError(f"{self.row}, {self.metric}: ends {self.low}, {self.high} of interval '{self.interval}'")
        return self


class Results(BaseModel):
    """The content of one benchmarks/results/NAME.json."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    benchmark: str
    rows: list[Row]

    @property
    def command(self) -> str:
        """What makes it anew."""
        return f"python -m benchmarks {self.benchmark}"


def line(
    table: str,
    row: str,
    figures: Mapping[str, float | Figure],
    *,
    n: int,
    unit_of_n: str,
    data: str,
    interval: IntervalKind = "bootstrap by patient",
    seeds: Sequence[int] = (),
    note: str = "",
) -> list[Row]:
    """One line of a table: a row per metric.

    Args:
        table: name of the table.
        row: name of the line.
        figures: metric -> a number, or a figure with its ends.
        n: how many of ``unit_of_n`` each rests on.
        unit_of_n: what is counted.
        data: what was measured on.
        interval: kind of the ends, where a figure has them.
        seeds: of the trainings.
        note: what a reader should know.
    """
    rows = []
    for metric, figure in figures.items():
        ends = {} if isinstance(figure, int | float) else {"low": figure.low, "high": figure.high, "interval": interval}
        value = figure if isinstance(figure, int | float) else figure.value
        named = {"table": table, "row": row, "metric": metric, "value": value, **ends}
        about = {"n": n, "unit_of_n": unit_of_n, "data": data, "seeds": tuple(seeds), "note": note}
        rows.append(Row.model_validate(named | about))
    return rows


def over_seeds(values: Sequence[float]) -> float | Estimate:
    """Mean of a figure over several runs, with their range; of one run the figure."""
    return Estimate(fmean(values), min(values), max(values)) if len(values) > 1 else values[0]


def exact(events: int, trials: int) -> Estimate:
    """A share with its exact (Clopper-Pearson) 95 % interval."""
    share = Proportion.of(events, trials)
    return Estimate(share.rate, share.low, share.high)


class Recording:
    """One benchmark from its start to its file; begun before it runs, so that it is stamped with what ran.

    Raises:
        SystemExit: if the tree is not the commit's.
    """

    def __init__(self, benchmark: str) -> None:
        provenance.refuse_changes()
        provenance.begin()
        self.benchmark = benchmark
        self.commit = provenance.commit()
        self.code = provenance.code_hash(f"benchmarks.{benchmark}")

    def write(self, rows: Sequence[Row], folder: Path = RESULTS) -> Path:
        """Write benchmarks/results/NAME.json atomically and return its path.

        Raises:
            SystemExit: if the tree is not the commit's, or the code changed while the benchmark ran.
        """
        provenance.refuse_changes()
        if provenance.code_hash(f"benchmarks.{self.benchmark}") != self.code:
            raise SystemExit(f"benchmarks: the code of {self.benchmark} changed while it ran; run it anew")
        stamp = {
            "commit": self.commit,
            "code": self.code,
            "sources": provenance.data_hash(),
            "runs": provenance.runs_used(),
        }
        results = Results(benchmark=self.benchmark, rows=[row.model_copy(update=stamp) for row in rows])
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.benchmark}.json"
        write_text(path, results.model_dump_json(indent=1, exclude_defaults=True) + "\n")
        return path


def read(benchmark: str) -> Results:
    """Read benchmarks/results/NAME.json."""
    return Results.model_validate_json((RESULTS / f"{benchmark}.json").read_text())
