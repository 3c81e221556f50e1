"""`cxr screen` as a process of its own: watched, killed, measured."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.record import ROOT

__all__ = ["first_result_seconds", "journal_lines", "peak_megabytes", "run_until", "started"]

_BYTECODE = ROOT / ".cache" / "bytecode"


def started(folder: Path, out: Path) -> subprocess.Popen[bytes]:
    """The command on a folder, just started and silent."""
    command = [sys.executable, "-m", "cxr.cli", "screen", str(folder), "--out", str(out)]
    # Where this environment keeps no bytecode, a start would compile every module anew; pip leaves it compiled.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = {**kept, "PYTHONPYCACHEPREFIX": str(_BYTECODE)}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def run_until(goal: int, folder: Path, out: Path) -> None:
    """Start the command and kill it once the journal holds ``goal`` lines."""
    with started(folder, out) as process:
        _wait(lambda: process.poll() is not None or journal_lines(out) >= goal)
        process.kill()


def first_result_seconds(folder: Path, out: Path) -> float:
    """Seconds from starting the command to its first complete line."""
    began = time.perf_counter()
    run_until(1, folder, out)
    return time.perf_counter() - began


def peak_megabytes(folder: Path, out: Path) -> float:
    """Largest resident memory of a whole run."""
    process = started(folder, out)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"benchmarks: cxr screen {folder} ended with {process.returncode}")
    return usage.ru_maxrss / 1024


def journal_lines(out: Path) -> int:
    """Complete results in a folder."""
    journal = out / "results.jsonl"
    if not journal.exists():
        return 0
    with journal.open("rb") as stream:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(1 << 20), b""))


def _wait(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.01)
