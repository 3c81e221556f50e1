"""torchxrayvision's documented pipeline on the same files, in an environment of its own.

The environment holds torchxrayvision alone; torch, torchvision, scikit-image and pydicom are those of this project, so
that both sides run on the same versions.
"""

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from benchmarks.provenance import ROOT
from cxr.screening import default_workers

__all__ = ["peer_rate"]

REQUIREMENT = "torchxrayvision==1.5.7"
ENVIRONMENT = ROOT / ".cache" / "torchxrayvision"


def peer_rate(files: Sequence[Path], rounds: int) -> float:
    """Files per second of the peer, the median of some rounds over all files, on all cores."""
    threads = str(default_workers())
    done = subprocess.run(
        [str(_python()), str(Path(__file__).with_name("peer_runner.py")), str(rounds), *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
    )
    if done.returncode != 0:
        raise SystemExit(f"benchmarks: torchxrayvision failed: {done.stderr[-2000:]}")
    return float(json.loads(done.stdout.splitlines()[-1]))


def _python() -> Path:
    """The interpreter of the peer's environment, which is built on first use."""
    python = ENVIRONMENT / "bin" / "python"
    built = ENVIRONMENT / "built.txt"
    if not built.is_file() or built.read_text() != REQUIREMENT:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--no-deps", REQUIREMENT], check=True)
        found = subprocess.run(
            [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        Path(found.stdout.strip(), "project.pth").write_text(sysconfig.get_path("purelib") + "\n")
        built.write_text(REQUIREMENT)
    return python
