"""`cxr screen` as a process of its own: watched, killed, measured."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.provenance import ROOT

__all__ = ["first_result_seconds", "journal_lines", "memory_megabytes", "peak_megabytes", "run_until", "started"]

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
    peak = 0.0
    with started(folder, out) as process:
        while process.poll() is None:
            peak = max(peak, memory_megabytes(process, "VmHWM") or 0.0)
            time.sleep(0.01)
    if process.returncode:
        raise SystemExit(f"benchmarks: cxr screen {folder} ended with {process.returncode}")
    return peak


def memory_megabytes(process: subprocess.Popen[bytes], field: str) -> float | None:
    """``VmRSS``, the memory that is resident now, or ``VmHWM``, the most that ever was; ``None`` once it has ended.

    The usage that is reported of an ended child will not do: it also counts the parent's memory before the command
    was loaded.
    """
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(field)), None)


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
