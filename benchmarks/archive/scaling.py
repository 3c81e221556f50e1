"""What archives of many films and many reports cost: time per film of equal name, memory by rows of a table."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
from PIL import Image

from cxr.datasets.builder import build_dataset
from cxr.datasets.image_index import ImageIndex
from cxr.datasets.report_rows import ReportTable

__all__ = ["build_seconds_per_film", "index_seconds_per_film", "peak_mebibytes"]

_NAME = "IM000001"
_SIDE = 64
_TEXT = "There is a small left pleural effusion. The heart is normal."


def build_seconds_per_film(folder: Path, films: int) -> float:
    """Seconds per film of a whole build from tiny pictures that all have one name, its report table included.

    The quality gate is left out: it looks at each film alone and would hide what grows with their number.

    Args:
        folder: made for it, and deleted afterwards.
        films: how many, 500 to a folder.
    """
    folder.mkdir()
    rng = np.random.default_rng(0)
    with (folder / "reports.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(("id", "image", "patient_id", "study_date", "text"))
        for number in range(films):
            place = Path(f"{number // 500}", f"{number}", f"{_NAME}.png")
            (folder / "export" / place).parent.mkdir(parents=True)
            if number % 500 == 0:  # a file has a limited number of links
                picture = folder / f"{number}.png"
                Image.fromarray(rng.integers(0, 256, (_SIDE, _SIDE), dtype=np.uint8)).save(picture)
            os.link(picture, folder / "export" / place)
            table.writerow((f"r{number}", place, f"p{number // 3}", f"2021-03-{1 + number % 28:02d}", _TEXT))
    start = perf_counter()
    summary = build_dataset(
        folder / "export", folder / "reports.csv", folder / "out", require_frontal=False, engine="surface", workers=2
    )
    seconds = perf_counter() - start
    shutil.rmtree(folder)
    if summary.images != films:
        raise AssertionError(f"{films} films became {summary.images}")
    return seconds / films


def index_seconds_per_film(folder: Path, films: int) -> float:
    """Seconds to index films that all have one name, to find each by its path, and to name its copy.

    Args:
        folder: where to put them, 500 to a folder of patients.
        films: how many.
    """
    for number in range(films):
        path = folder / f"{number // 500}" / f"{number}"
        path.mkdir(parents=True)
        (path / _NAME).touch()
    start = perf_counter()
    index = ImageIndex(folder)
    stems = {index.stem(file) for name in map(str, index.files) for file in index.named(name)}
    seconds = perf_counter() - start
    if len(stems) != films:
        raise AssertionError(f"{films} films have {len(stems)} names")
    return seconds / films


def peak_mebibytes(folder: Path, rows: int) -> float:
    """Largest memory of a process that reads a table of reports, in MiB; every tenth row is an addendum."""
    table = folder / f"{rows}.csv"
    with table.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("id", "patient_id", "study_date", "text"))
        for number in range(rows):
            report = number - number % 10 if number % 10 == 9 else number
            writer.writerow(
                (f"r{report}", f"p{report // 3}", f"2021-03-{1 + number % 28:02d}", f"No effusion {number}.")
            )
    command = [sys.executable, "-m", "benchmarks.archive.scaling", str(table)]
    found = subprocess.run(command, capture_output=True, check=True, text=True)
    table.unlink()
    reports, peak = found.stdout.split()
    if int(reports) != rows - rows // 10:
        raise AssertionError(f"{rows} rows became {reports} reports")
    return float(peak)


def main(table: Path) -> None:
    """Read a table and print the number of its reports and the peak memory in MiB."""
    with ReportTable(table) as reports:
        count = sum(1 for _ in reports.rows())
    # The kernel's own mark: that of getrusage outlives the exec and would be the parent's.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(count, int(status["VmHWM"].split()[0]) / 1024)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
