"""Peak memory of labeling few and very many reports: it must not grow with their number.

The larger run labels a million reports, which takes some ten minutes; CXR_BENCHMARK_REPORTS makes it fewer.
"""

import csv
import os
import tempfile
from pathlib import Path

from benchmarks.labeler.file_runner import label_file
from benchmarks.labeler.gold import Gold
from benchmarks.record import Row

__all__ = ["memory_rows"]

SMALL = 10_000
LARGE = int(os.environ.get("CXR_BENCHMARK_REPORTS", "1000000"))


def memory_rows(gold: Gold) -> list[Row]:
    """Peak resident memory at both sizes and how much it grew."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = measured(folder, gold, SMALL)
        large = measured(folder, gold, LARGE)
    data = "OpenI dev reports, repeated with different numbers in them"

    def row(size: int, metric: str, value: float) -> Row:
        return Row(
            table="labeler memory",
            row=f"{size:,} reports",
            metric=metric,
            value=value,
            n=size,
            unit_of_n="reports",
            data=data,
            note="CSV in, CSV out, graph engine, one process; peak resident set of the process",
        )

    return [
        row(SMALL, "peak MB", small),
        row(LARGE, "peak MB", large),
        row(LARGE, "growth", large / small - 1),
    ]


def measured(folder: Path, gold: Gold, size: int) -> float:
    """Peak resident memory in MB of a fresh process that labels ``size`` reports."""
    source = folder / f"{size}.csv"
    with source.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "text"])
        for number in range(size):
            text = gold.texts[number % len(gold.texts)]
            # No two reports are alike, so that whatever remembers sentences is filled by either run.
            writer.writerow([f"r{number}", f"{text} Image {number} was read."])
    return label_file(source, folder / f"{size}.out.csv").peak_mb
