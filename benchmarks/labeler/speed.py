"""Reports per second, the gain of a second process, memory, and the peers on the same texts in the same run.

Speeds are CPU time, the median of several rounds, each with a labeler that has seen nothing before: CPU time, because
other work on the machine must not count; fresh, because sentences that were met before are remembered. Memory must not
grow with the number of reports; its larger run labels a million, which takes some ten minutes; CXR_BENCHMARK_REPORTS
makes it fewer.
"""

import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.labeler.accuracy import headline_rows, predicted
from benchmarks.labeler.file_runner import label_file
from benchmarks.labeler.gold import DATA, Gold
from benchmarks.labeler.peers import GIVEN, PEERS, run_peer
from benchmarks.record import Row, line
from cxr.evaluation import Estimate
from nlp_labeler.evaluate import score
from nlp_labeler.findings import CHESTXRAY8
from nlp_labeler.labeler import Labeler

__all__ = ["comparison_rows", "memory_rows", "scaling_rows"]

ROUNDS = 3
SCALING_REPORTS = 20_000
SMALL, LARGE = 10_000, int(os.environ.get("CXR_BENCHMARK_REPORTS", "1000000"))
REPEATED = "OpenI dev reports, repeated with different numbers in them"


def comparison_rows(gold: Gold) -> list[Row]:
    """F1 and speed of this labeler and its peers on the same texts, and how many times as fast it is."""
    speeds: dict[str, float] = {}
    rows: list[Row] = []
    for engine in ("graph", "surface"):
        name = f"nlp_labeler, {engine}"
        speeds[name] = len(gold.ids) / statistics.median(labeling_seconds(engine, gold.bare_texts))
        found = predicted(Labeler.load(engine=engine), gold.bare_texts)[:, :-1]
        rows += headline_rows("labeler peers", name, score(gold.positive, found, CHESTXRAY8))
    for peer in PEERS:
        result = run_peer(peer, gold.bare_texts, ROUNDS)
        speeds[peer] = len(gold.ids) / statistics.median(result.seconds)
        rows += headline_rows("labeler peers", peer, score(gold.positive, result.positive, CHESTXRAY8))
    for name, speed in speeds.items():
        figures = {"reports/s": speed, "x medspaCy": speed / speeds["medspaCy"]}
        note = f"one core, CPU time, median of {ROUNDS} rounds; without section headings; peers: {GIVEN}"
        rows += line("labeler peers", name, figures, n=len(gold.ids), unit_of_n="reports", data=DATA, note=note)
    return rows


def labeling_seconds(engine: str, texts: tuple[str, ...]) -> list[float]:
    """CPU seconds of every round, in a process of its own as the peers have."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.labeler.own_runner"],
        input=json.dumps({"engine": engine, "texts": texts, "rounds": ROUNDS}),
        capture_output=True,
        text=True,
        check=True,
    )
    seconds: list[float] = json.loads(done.stdout)
    return seconds


def scaling_rows(gold: Gold) -> list[Row]:
    """How much faster two processes label a file than one: wall time, rounds taken in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = write_reports(folder, gold, SCALING_REPORTS)
        ratios = []
        for _ in range(ROUNDS):
            one, two = (label_file(source, folder / "labels.csv", processes).seconds for processes in (1, 2))
            ratios.append(one / two)
    return line(
        "labeler scaling",
        "2 processes",
        {"x 1 process": Estimate(statistics.median(ratios), min(ratios), max(ratios))},
        n=SCALING_REPORTS,
        unit_of_n="reports",
        data=REPEATED,
        interval="range over rounds",
        note=f"wall time once Python and spaCy are loaded, CSV in and out, median of {ROUNDS} rounds",
    )


def memory_rows(gold: Gold) -> list[Row]:
    """Peak resident memory at both sizes and how much it grew."""
    with tempfile.TemporaryDirectory() as name:
        small, large = (
            label_file(write_reports(Path(name), gold, size), Path(name) / "labels.csv").peak_mb
            for size in (SMALL, LARGE)
        )
    table = partial(
        line,
        "labeler memory",
        unit_of_n="reports",
        data=REPEATED,
        note="CSV in, CSV out, graph engine, one process; peak resident set of the process",
    )
    return [
        *table(f"{SMALL:,} reports", {"peak MB": small}, n=SMALL),
        *table(f"{LARGE:,} reports", {"peak MB": large, "growth": large / small - 1}, n=LARGE),
    ]


def write_reports(folder: Path, gold: Gold, size: int) -> Path:
    """A CSV of ``size`` reports, no two alike, so that whatever remembers sentences is filled by them."""
    path = folder / f"{size}.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "text"])
        for number in range(size):
            writer.writerow([f"r{number}", f"{gold.texts[number % len(gold.texts)]} Image {number} was read."])
    return path
