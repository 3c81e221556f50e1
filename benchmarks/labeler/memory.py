"""Peak memory of labeling few and very many reports: it must not grow with their number.

The larger run labels a million reports, which takes some ten minutes; CXR_BENCHMARK_REPORTS makes it fewer.
"""

import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

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
    arguments = [sys.executable, "-m", "benchmarks.labeler.memory", str(source), str(folder / f"{size}.out.csv")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)["peak_mb"])


def main(source: str, out: str) -> None:
    """Label one file in this process and print its peak memory."""
    from nlp_labeler.batch import label_reports
    from nlp_labeler.parser.model import keep_torch_out

    keep_torch_out()
    label_reports(Path(source), Path(out))
    print(json.dumps({"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main(*sys.argv[1:])
