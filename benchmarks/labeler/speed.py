"""Reports per second, the gain of a second process, and the peers on the same texts in the same run.

Speeds are CPU time, the median of several rounds, each with a labeler that has seen nothing before: CPU time, because
other work on the machine must not count; fresh, because sentences that were met before are remembered.
"""

import csv
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.labeler.accuracy import headline_rows, predicted
from benchmarks.labeler.file_runner import label_file
from benchmarks.labeler.gold import DATA, Gold
from benchmarks.labeler.peers import PEERS, run_peer
from benchmarks.record import Row
from nlp_labeler.evaluate import score
from nlp_labeler.findings import CHESTXRAY8
from nlp_labeler.labeler import Labeler

__all__ = ["comparison_rows", "scaling_rows"]

ROUNDS = 3
SCALING_REPORTS = 20_000


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
        rows.append(speed_row(name, "reports/s", speed, len(gold.ids)))
        rows.append(speed_row(name, "x medspaCy", speed / speeds["medspaCy"], len(gold.ids)))
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


def speed_row(name: str, metric: str, value: float, n: int) -> Row:
    """A speed, or a ratio of speeds."""
    return Row(
        table="labeler peers",
        row=name,
        metric=metric,
        value=value,
        n=n,
        unit_of_n="reports",
        data=DATA,
        note=f"one core, CPU time, median of {ROUNDS} rounds; without section headings",
    )


def scaling_rows(gold: Gold) -> list[Row]:
    """How much faster two processes label a file than one: wall time, rounds taken in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "reports.csv"
        with source.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["id", "text"])
            for number in range(SCALING_REPORTS):
                text = gold.texts[number % len(gold.texts)]
                writer.writerow([f"r{number}", f"{text} Image {number} was read."])
        ratios = []
        for _ in range(3):
            one, two = (label_file(source, folder / "labels.csv", processes).seconds for processes in (1, 2))
            ratios.append(one / two)
    return [
        Row(
            table="labeler scaling",
            row="2 processes",
            metric="x 1 process",
            value=float(np.median(ratios)),
            low=min(ratios),
            high=max(ratios),
            n=SCALING_REPORTS,
            unit_of_n="reports",
            data="OpenI dev reports, repeated with different numbers in them",
            note="wall time once Python and spaCy are loaded, CSV in and out, median and range of 3 rounds",
        )
    ]
