"""Seeded damage to DICOM files: each must end as a picture or a typed refusal, and within seconds."""

import random
import signal
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np

from benchmarks.record import Row, line
from cxr.errors import RefusedInputError
from cxr.imaging.reading import read_radiograph

__all__ = ["damage_rows", "mutate", "outcome"]

MUTATIONS = 5000
BATCH = 50
# Seconds of computing for one file, whatever else the machine does; the undamaged ones take less than one.
HANG = 30


def mutate(data: bytes, seed: int) -> bytes:
    """One damaged version of a file, as networks, disks and old software do it; the same seed gives the same damage."""
    rng = random.Random(seed)
    damaged = bytearray(data)
    kind = rng.choice(("flip", "header", "cut", "drop", "double", "zero", "swap"))
    start, length = rng.randrange(len(data)), rng.randrange(1, max(2, len(data) // 8))
    end = min(len(data), start + length)
    if kind == "flip":
        for _ in range(rng.randrange(1, 40)):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    elif kind == "header":
        for _ in range(rng.randrange(1, 12)):
            damaged[rng.randrange(min(len(damaged), 2000))] = rng.randrange(256)
    elif kind == "cut":
        del damaged[start:]
    elif kind == "drop":
        del damaged[start:end]
    elif kind == "double":
        damaged[start:start] = damaged[start:end]
    elif kind == "zero":
        damaged[start:end] = bytes(end - start)
    else:
        damaged = damaged[start:] + damaged[:start]
    return bytes(damaged)


def outcome(data: bytes) -> str:
    """What reading a file ends in: ``image``, ``refused``, or a fault by name."""
    try:
        pixels = read_radiograph(data).pixels
        good = np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1 and np.ptp(pixels) > 0
    except RefusedInputError:
        return "refused"
    except Exception as error:
        return f"untyped {type(error).__name__}"
    return "image" if good else "bad pixels"


def outcomes(batch: list[bytes]) -> Counter[str]:
    """Outcomes of several files, counted; a file that takes longer than HANG ends the process."""
    counts: Counter[str] = Counter()
    for data in batch:
        signal.setitimer(signal.ITIMER_PROF, HANG)
        counts[outcome(data)] += 1
    signal.setitimer(signal.ITIMER_PROF, 0)
    return counts


def damage_rows(files: list[tuple[str, bytes]]) -> list[Row]:
    """Outcomes of the files as they are and of MUTATIONS damaged ones; a worker that dies or hangs is a fault too."""
    sources = [content for _, content in files if content]
    counts: Counter[str] = Counter()
    for first in range(0, len(sources), BATCH):
        counts += _apart(sources[first : first + BATCH])
    for first in range(0, MUTATIONS, BATCH):
        counts += _apart([mutate(sources[seed % len(sources)], seed) for seed in range(first, first + BATCH)])
    faults = sum(count for name, count in counts.items() if name not in {"image", "refused"})
    return line(
        "reading",
        "damaged DICOM files",
        {"crashes, hangs, untyped errors, bad pixels": float(faults)},
        n=len(sources) + MUTATIONS,
        unit_of_n="files",
        data="the files that pydicom and pydicom-data ship and the shared DICOM files, as they are and damaged",
        note=", ".join(f"{count} {name}" for name, count in sorted(counts.items())),
    )


def _apart(batch: list[bytes]) -> Counter[str]:
    """Outcomes of a batch in a process of its own, so that a decoder may crash."""
    with ProcessPoolExecutor(1) as pool:
        try:
            return pool.submit(outcomes, batch).result()
        except BrokenProcessPool:
            return Counter({"crash or hang": 1})
