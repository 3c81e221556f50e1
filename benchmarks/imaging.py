"""Reading: seeded damage to real DICOM files, agreement with dcmtk, the MONOCHROME1 twin, and the image cache."""

import io
import random
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image
from pydicom.uid import (
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from benchmarks.record import Row, shared_data
from cxr.errors import RefusedInputError
from cxr.imaging.reading import read_radiograph

MUTATIONS = 5000
BATCH = 50
# Seconds for one damaged file; the undamaged ones take less than one.
HANG = 30.0
# dcmtk decodes each family of codecs by a program of its own.
_JPEG, _JPEG_LS = "dcmj2pnm", "dcml2pnm"
_PROGRAMS = {
    **dict.fromkeys((JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1), _JPEG),
    **dict.fromkeys((JPEGLSLossless, JPEGLSNearLossless), _JPEG_LS),
}


def run() -> list[Row]:
    """All rows of this benchmark."""
    data = shared_data()
    files = list(source_files(data))
    return [*damage_rows(files), *twin_rows(data), *dcmtk_rows(files), *cache_rows(data)]


def source_files(data: Path) -> Iterator[tuple[str, bytes]]:
    """Every file pydicom ships and the shared DICOM files; images also once more as if they were chests."""
    shipped = Path(pydicom.__file__).parent / "data" / "test_files"
    for path in sorted(shipped.rglob("*")) + sorted((data / "dicom").glob("*.dcm")):
        if path.is_file():
            content = path.read_bytes()
            yield path.name, content
            if (chest := as_chest(content)) is not None:
                yield f"{path.name} as a chest", chest


def as_chest(content: bytes) -> bytes | None:
    """The file with a chest radiograph's modality and body part, so that its pixels are reached; ``None`` if none."""
    try:
        dataset = pydicom.dcmread(io.BytesIO(content))
        if "PixelData" not in dataset:
            return None
        dataset.Modality, dataset.BodyPartExamined = "DX", "CHEST"
        stream = io.BytesIO()
        dataset.save_as(stream)
    except Exception:
        return None  # already too damaged to be written again; it is used as it is
    return stream.getvalue()


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
    start = time.monotonic()
    try:
        pixels = read_radiograph(data).pixels
        good = np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1 and np.ptp(pixels) > 0
        result = "image" if good else "bad pixels"
    except RefusedInputError:
        result = "refused"
    except Exception as error:
        result = f"untyped {type(error).__name__}"
    return "hang" if time.monotonic() - start > HANG else result


def outcomes(batch: list[bytes]) -> Counter[str]:
    """Outcomes of several files, counted."""
    return Counter(outcome(data) for data in batch)


def damage_rows(files: list[tuple[str, bytes]]) -> list[Row]:
    """Outcomes of the files as they are and of MUTATIONS damaged ones; a worker that dies counts as a crash."""
    damaged = [mutate(files[seed % len(files)][1] or b"\0", seed) for seed in range(MUTATIONS)]
    counts: Counter[str] = Counter()
    for content in ([data for _, data in files], damaged):
        for first in range(0, len(content), BATCH):
            with ProcessPoolExecutor(1) as pool:
                try:
                    counts += pool.submit(outcomes, content[first : first + BATCH]).result(timeout=BATCH * HANG)
                except BrokenProcessPool:
                    counts["crash"] += 1
    faults = sum(count for name, count in counts.items() if name not in {"image", "refused"})
    return [
        Row(
            table="reading",
            row="damaged DICOM files",
            metric="faults",
            value=float(faults),
            n=len(files) + MUTATIONS,
            unit_of_n="files",
            data="pydicom test files and shared DICOM files, as they are and with seeded damage",
            note=", ".join(f"{count} {name}" for name, count in sorted(counts.items())),
        )
    ]


def twin_rows(data: Path) -> list[Row]:
    """The largest difference between the MONOCHROME1 twin and its original, in gray levels of 255."""
    original, twin = sorted(path for path in (data / "dicom").glob("*.dcm") if path.name != "dx_image.dcm")
    difference = np.abs(read_radiograph(original).pixels - read_radiograph(twin).pixels).max() * 255
    row = Row(
        table="reading",
        row="MONOCHROME1 twin",
        metric="largest difference of 255",
        value=float(difference),
        n=1,
        unit_of_n="pairs",
        data="shared DICOM files",
    )
    return [row]


def dcmtk_rows(files: list[tuple[str, bytes]]) -> list[Row]:
    """The largest difference from dcmtk's dcm2pnm over the files that both read as gray, in levels of 255."""
    if shutil.which("dcm2pnm") is None:
        return []
    differences = [d for _, content in files if (d := difference_from_dcmtk(content)) is not None]
    row = Row(
        table="reading",
        row="against dcm2pnm",
        metric="largest difference of 255",
        value=max(differences, default=0.0),
        n=len(differences),
        unit_of_n="files",
        data="single-frame gray files that both read",
        note="8-bit output of dcm2pnm is rounded: half a level is the least that can be told",
    )
    return [row]


def difference_from_dcmtk(content: bytes) -> float | None:
    """Largest difference in levels of 255; ``None`` where one of the two does not read the file as gray."""
    try:
        dataset = pydicom.dcmread(io.BytesIO(content))
        ours = read_radiograph(content)
    except Exception:
        return None
    if not ours.metadata.photometric.startswith("MONOCHROME"):
        return None
    options = ["+Wl", "1"] if dataset.get("VOILUTSequence") else ["+Wi", "1"] if dataset.get("WindowWidth") else []
    if dataset.BitsStored < 8 or (not options and ours.metadata.bits_stored != dataset.BitsStored):
        return None  # dcmtk shows the claimed range; ours shows the range in use
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.dcm", Path(folder) / "out.pgm"
        source.write_bytes(content)
        program = _PROGRAMS.get(dataset.file_meta.TransferSyntaxUID, "dcm2pnm")
        command = [program, "-O", *options, "+op", str(source), str(target)]
        # The file is ours and the program is the one under comparison.
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode or not target.is_file():
            return None
        with Image.open(target) as picture:
            theirs = np.asarray(picture, dtype=np.float64)
    return float(np.abs(theirs - ours.pixels * 255).max()) if theirs.shape == ours.pixels.shape else None


def cache_rows(data: Path) -> list[Row]:
    """How much faster the cache gives network inputs than decoding each time, at equal output."""
    from cxr.datasets.cache import ImageCache
    from cxr.datasets.dataset import open_dataset
    from cxr.imaging.preprocessing import prepare

    dataset = open_dataset(data / "nih").subset("val")
    with tempfile.TemporaryDirectory() as folder:
        cache = ImageCache.build(dataset, 224, Path(folder))
        decoded = [prepare(read_radiograph(Path(path)).pixels, 224)[0] for path in dataset.records["path"]]
        equal = all(np.array_equal(cache[row], image) for row, image in enumerate(decoded))
        start = time.perf_counter()
        for path in dataset.records["path"]:
            prepare(read_radiograph(Path(path)).pixels, 224)
        middle = time.perf_counter()
        for row in range(len(cache)):
            np.array(cache[row])
        ratio = (middle - start) / (time.perf_counter() - middle)
    speed = Row(
        table="reading",
        row="image cache",
        metric="times faster than decoding",
        value=ratio if equal else 0.0,
        n=len(dataset),
        unit_of_n="images",
        data="NIH validation patients",
        note="one process, files in the page cache; 0 if the pixels differed",
    )
    return [speed]
