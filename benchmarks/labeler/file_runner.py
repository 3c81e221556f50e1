"""Runs in a process of its own, as users run it: labels one file and prints the peak memory and the wall time.

The clock starts when Python and spaCy are loaded. Arguments: source, output, number of processes.
"""

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FileRun", "label_file"]


@dataclass(frozen=True)
class FileRun:
    """What it took to label one file.

    Attributes:
        peak_mb: peak resident memory of the process that reads and writes, in MB.
        seconds: wall time.
    """

    peak_mb: float
    seconds: float


def label_file(source: Path, out: Path, processes: int = 1) -> FileRun:
    """Label a file in a fresh process with the graph engine."""
    arguments = [sys.executable, "-m", "benchmarks.labeler.file_runner", str(source), str(out), str(processes)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    return FileRun(**json.loads(done.stdout))


def main(source: str, out: str, processes: str) -> None:
    """Label one file in this process and print what it took."""
    from nlp_labeler.batch import label_reports
    from nlp_labeler.labeler import Labeler
    from nlp_labeler.parser.model import keep_torch_out

    keep_torch_out()
    Labeler.load(engine="graph").label("No effusion.")
    started = time.perf_counter()
    label_reports(Path(source), Path(out), engine="graph", processes=int(processes))
    seconds = time.perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"peak_mb": peak_mb, "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
