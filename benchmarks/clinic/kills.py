"""10,000 inputs, some of them damaged, through `cxr screen` while it is killed at random moments."""

import random
import subprocess
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

from benchmarks.clinic.command import journal_lines, memory_megabytes, run_until, started
from benchmarks.provenance import shared_data
from benchmarks.record import MIXED, Row, line
from cxr.outputs.journal import read_results

__all__ = ["TABLE", "kill_rows"]

TABLE = "Clinic promises"
INPUTS, KILLS, DAMAGED_SHARE = 10_000, 5, 0.03


def kill_rows(count: int = INPUTS) -> list[Row]:
    """Screen ``count`` inputs to the end through KILLS kills, and compare the results with what was put in."""
    rng = random.Random(0)
    pictures = sorted((shared_data("nih") / "images").glob("*.jpg"))
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name) / "in", Path(name) / "out"
        folder.mkdir()
        damaged = set(rng.sample(range(count), round(DAMAGED_SHARE * count)))
        for k in range(count):
            source = pictures[k % len(pictures)]
            target = folder / f"{k:05}.jpg"
            if k in damaged:
                content = source.read_bytes()
                target.write_bytes(content[: rng.randrange(len(content) // 2)])
            else:
                target.symlink_to(source)
        for goal in sorted(rng.sample(range(count), KILLS)):
            run_until(goal, folder, out)
        early, late, peak = _run_to_the_end(folder, out)
        results = list(read_results(out / "results.jsonl"))
    paths = [r.path for r in results]
    refused = {int(Path(r.path).stem) for r in results if r.refusal}
    figures = {
        "inputs without a result": count - len(set(paths)),
        "inputs with two results": len(paths) - len(set(paths)),
        "damaged files not refused": len(damaged - refused),
        "peak memory of the last run (MB)": peak,
        "memory in the last tenth over the second tenth of the last run": late / early,
    }
    note = f"{KILLS} kill -9 at random moments, {len(damaged)} damaged files"
    table = partial(line, TABLE, n=count, unit_of_n="inputs", data="NIH ChestX-ray14, shared selection", note=note)
    return [row for what, value in figures.items() for row in table(what, {MIXED: value})]


def _run_to_the_end(folder: Path, out: Path) -> tuple[float, float, float]:
    """Run the command; median resident memory in MB in the second and last tenth of its screening, and its peak."""
    samples: list[float] = []
    peaks: list[float] = []
    with started(folder, out) as process:
        watcher = threading.Thread(target=_sample_memory, args=(process, out, samples, peaks))
        watcher.start()
        process.wait()
        watcher.join()
    if process.returncode != 1:
        raise SystemExit(
            f"benchmarks: cxr screen ended with {process.returncode}; 1 was expected: some files are damaged"
        )
    tenth = max(1, len(samples) // 10)
    second, last = sorted(samples[tenth : 2 * tenth] or samples), sorted(samples[-tenth:])
    return second[len(second) // 2], last[len(last) // 2], max(peaks)


def _sample_memory(process: subprocess.Popen[bytes], out: Path, samples: list[float], peaks: list[float]) -> None:
    """Look at the process from its first new result on: what it loads before belongs to no input."""
    before = journal_lines(out)
    while process.poll() is None and journal_lines(out) == before:
        time.sleep(0.02)
    while process.poll() is None:
        now, most = memory_megabytes(process, "VmRSS"), memory_megabytes(process, "VmHWM")
        if now is None or most is None:
            return
        samples.append(now)
        peaks.append(most)
        time.sleep(0.2)
