"""The clinic's command on real files: nothing lost under kill -9, memory, and speed beside pure decoding.

The shipped bundle screens NIH JPEGs and the DICOM examples. Speed is measured in one run on one machine, screening
and decoding of the same files one after the other with the same number of workers, so that their ratio means
something on any machine.
"""

import random
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.record import Row, shared_data
from cxr.errors import RefusedInputError
from cxr.imaging.reading import read_radiograph
from cxr.outputs import read_results
from cxr.screening import default_workers

KILL_INPUTS, KILLS, BROKEN_SHARE = 10_000, 5, 0.03
SPEED_FILES, DICOM_COPIES = 200, 20
TABLE = "Screening in the clinic"


def run() -> list[Row]:
    """Both parts with the shipped bundle."""
    return [*_killed(KILL_INPUTS), *_speed()]


def _command(folder: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "cxr.cli", "screen", str(folder), "--out", str(out)]


def _killed(count: int) -> list[Row]:
    """Screen ``count`` inputs, some of them broken, while the process is killed at random moments."""
    rng = random.Random(0)
    pictures = sorted((shared_data() / "nih" / "images").glob("*.jpg"))
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name) / "in", Path(name) / "out"
        folder.mkdir()
        broken = set(rng.sample(range(count), round(BROKEN_SHARE * count)))
        for k in range(count):
            source = pictures[k % len(pictures)]
            target = folder / f"{k:05}.jpg"
            if k in broken:
                content = source.read_bytes()
                target.write_bytes(content[: rng.randrange(len(content) // 2)])
            else:
                target.symlink_to(source)
        for goal in sorted(rng.sample(range(count), KILLS)):
            _kill_after(goal, folder, out)
        peak_before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        done = subprocess.run(_command(folder, out), capture_output=True, text=True, check=False)
        if done.returncode != 1:
            raise SystemExit(f"benchmarks: cxr screen ended with {done.returncode}: {done.stderr}")
        results = list(read_results(out / "results.jsonl"))
    paths = [r.path for r in results]
    refused = {int(Path(r.path).stem) for r in results if r.refusal}
    peak = max(peak_before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024
    note = f"{KILLS} kill -9 at random moments, {len(broken)} damaged files"
    figures = {
        "inputs without a result": count - len(set(paths)),
        "inputs with two results": len(paths) - len(set(paths)),
        "damaged files not refused": len(broken - refused),
        "peak memory (MB)": peak,
    }
    return [
        Row(table=TABLE, row=f"{count:,} inputs", metric=metric, value=value, n=count, unit_of_n="inputs",
            data="NIH ChestX-ray14, shared selection", note=note)
        for metric, value in figures.items()
    ]  # fmt: skip


def _kill_after(goal: int, folder: Path, out: Path) -> None:
    """Start the command and kill it once the journal holds ``goal`` lines."""
    journal = out / "results.jsonl"
    with subprocess.Popen(_command(folder, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            if journal.exists() and _lines(journal) >= goal:
                process.kill()
            time.sleep(0.05)


def _lines(path: Path) -> int:
    with path.open("rb") as stream:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(1 << 20), b""))


def _speed() -> list[Row]:
    """File to result against decoding alone, and the time to the first result."""
    data = shared_data()
    pictures = sorted((data / "nih" / "images").glob("*.jpg"))[: SPEED_FILES - 3 * DICOM_COPIES]
    dicoms = sorted((data / "dicom").glob("*.dcm"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "in"
        folder.mkdir()
        for k, source in enumerate([*pictures, *dicoms * DICOM_COPIES]):
            (folder / f"{k:04}{source.suffix}").symlink_to(source)
        files = sorted(folder.iterdir())
        first = _first_result(folder, Path(name) / "first")
        started = time.perf_counter()
        with ThreadPoolExecutor(default_workers()) as pool:
            list(pool.map(_decode, files))
        decoding = len(files) / (time.perf_counter() - started)
        screening = _screening_rate(files, Path(name) / "out")
    figures = {
        "screened per second": screening,
        "decoded per second": decoding,
        "share of the decode rate": screening / decoding,
        "seconds from start to first result": first,
    }
    note = f"{default_workers()} workers; {len(pictures)} JPEG and {len(files) - len(pictures)} DICOM files"
    return [
        Row(table=TABLE, row="speed", metric=metric, value=value, n=len(files), unit_of_n="files",
            data="NIH ChestX-ray14, shared selection; DICOM examples", note=note)
        for metric, value in figures.items()
    ]  # fmt: skip


def _decode(path: Path) -> None:
    try:
        read_radiograph(path)
    except RefusedInputError as error:
        raise RuntimeError(f"{path} was to be decoded: {error}") from error


def _screening_rate(files: list[Path], out: Path) -> float:
    """Files per second from the first to the last result, outputs included."""
    from cxr.outputs import screen_to_folder
    from cxr.screening import Screener

    screener = Screener(threads=1)
    started = time.perf_counter()
    screen_to_folder(screener, files, out, workers=default_workers())
    return len(files) / (time.perf_counter() - started)


def _first_result(folder: Path, out: Path) -> float:
    """Seconds from starting the command to its first complete line."""
    started = time.perf_counter()
    _kill_after(1, folder, out)
    return time.perf_counter() - started
