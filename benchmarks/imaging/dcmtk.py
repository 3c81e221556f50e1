"""Agreement with an independent reader: dcmtk's dcm2pnm, pixel by pixel.

dcm2pnm writes whole numbers and cuts fractions off, so equality is stated for what it can show:

* Without a window it shifts stored values up to 16 bits. Shifted back they must be our stored values exactly; those of
  lossy 12-bit JPEG within one, which ITU-T T.83 leaves to decoders.
* With a window or a lookup table it cuts the shown value off to 16 bits. Ours must lie in the one step that this
  leaves open. Where the rescale slope is a fraction it first cuts the rescaled value to a whole number; that widens
  the step by one whole number's worth of the window.
  Its release 3.6.7 takes LINEAR_EXACT for LINEAR; such files are left out.
* Colours are written in 8 bits. The luminance of its colours must be ours within less than one level of 255.
"""

import io
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from benchmarks.record import Row, line
from cxr.errors import RefusedInputError
from cxr.imaging.dicom_gray import first_window
from cxr.imaging.radiograph import Radiograph
from cxr.imaging.reading import read_radiograph

__all__ = ["Agreement", "compare_with_dcmtk", "dcmtk_rows"]

# dcmtk decodes each family of codecs by a program of its own.
_PROGRAMS = {
    **dict.fromkeys((JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1), "dcmj2pnm"),
    **dict.fromkeys((JPEGLSLossless, JPEGLSNearLossless), "dcml2pnm"),
}
_LUMINANCE = np.array([0.299, 0.587, 0.114])
_DEPTH = 16
_WHITE = (1 << _DEPTH) - 1
# Our pixels are float32: a few thousandths of a 16-bit step.
_FLOAT = 0.01


@dataclass(frozen=True, slots=True)
class Agreement:
    """Our pixels against dcmtk's for one file.

    Attributes:
        kind: ``stored``, ``shown`` or ``colour``: which of the module's three statements applies.
        pixels: how many were compared.
        differing: how many contradict the statement.
    """

    kind: str
    pixels: int
    differing: int


def dcmtk_rows(files: Iterable[tuple[str, bytes]]) -> list[Row]:
    """Differing pixels of all files that both read, by kind; none without dcmtk."""
    if shutil.which("dcm2pnm") is None:
        return []
    found = [agreement for _, content in files if (agreement := compare_with_dcmtk(content)) is not None]
    names = {"stored": "stored values", "shown": "windows and lookup tables", "colour": "colours"}
    rows: list[Row] = []
    for kind, name in names.items():
        compared = [agreement for agreement in found if agreement.kind == kind]
        rows += line(
            "reading",
            f"against dcm2pnm: {name}",
            {"differing pixels": float(sum(agreement.differing for agreement in compared))},
            n=len(compared),
            unit_of_n="files",
            data="single-frame DICOM files that both readers read",
            note=f"{sum(agreement.pixels for agreement in found):,} pixels",
        )
    return rows


def compare_with_dcmtk(content: bytes) -> Agreement | None:
    """Compare one file; ``None`` where one of the two readers does not read it."""
    try:
        ours = read_radiograph(content)
    except RefusedInputError:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(io.BytesIO(content), force=True)
    if dataset.get("VOILUTFunction") == "LINEAR_EXACT":
        return None
    gray = ours.metadata.photometric.startswith("MONOCHROME")
    theirs = _dcmtk_pixels(content, dataset, deep=gray)
    if theirs is None or theirs.shape[:2] != ours.pixels.shape:
        return None
    if not gray:
        luminance = theirs if theirs.ndim == 2 else theirs[..., :3] @ _LUMINANCE
        return _count("colour", np.abs(luminance - ours.pixels * 255.0) < 1)
    # A bare MONOCHROME1 tag that the pixels contradict is followed by dcmtk and overruled by us.
    pixels = 1 - ours.pixels.astype(np.float64) if ours.metadata.polarity == "pixels" else ours.pixels
    if dataset.get("VOILUTSequence") or dataset.get("ModalityLUTSequence") or first_window(dataset):
        position = pixels * np.float64(_WHITE) - theirs
        low, high = _open_step(dataset)
        return _count("shown", (position >= low - _FLOAT) & (position <= high + _FLOAT))
    return _compare_stored(pixels, theirs, dataset, ours)


def _compare_stored(
    pixels: NDArray[np.floating], theirs: NDArray[np.integer], dataset: Dataset, ours: Radiograph
) -> Agreement:
    """Stored values above the lowest that the header allows, both ways."""
    bits, used = int(dataset.BitsStored), ours.metadata.bits_stored
    signed = dataset.get("PixelRepresentation") == 1
    inverted = dataset.PhotometricInterpretation == "MONOCHROME1"
    shift = _DEPTH - bits
    stored = -((theirs - _WHITE) >> shift) if inverted else theirs >> shift
    shown = (1 - pixels) if inverted else pixels
    # Ours spans the bits that the values use, from zero where none is negative.
    lowest = (1 << (bits - 1)) if signed else 0
    if signed and (stored < lowest).any():
        lowest -= 1 << (used - 1)
    expected = np.rint(shown * np.float64((1 << used) - 1)).astype(np.int64) + lowest
    padding = dataset.get("PixelPaddingValue")
    padded = np.zeros(stored.shape, bool) if padding is None else stored == int(padding) + (lowest if signed else 0)
    allowed = 1 if dataset.file_meta.get("TransferSyntaxUID") == JPEGExtended12Bit else 0
    return _count("stored", (np.abs(expected - stored) <= allowed) | padded)


def _dcmtk_pixels(content: bytes, dataset: Dataset, *, deep: bool) -> NDArray[np.int64] | None:
    """What dcm2pnm makes of a file: (H, W) in 16 bits where ``deep``, else (H, W) or (H, W, 3) in 8 bits."""
    voi = ["+Wl", "1"] if dataset.get("VOILUTSequence") else ["+Wi", "1"] if first_window(dataset) else []
    program = _PROGRAMS.get(dataset.file_meta.get("TransferSyntaxUID"), "dcm2pnm")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.dcm", Path(folder) / "out.png"
        source.write_bytes(content)
        # The file is ours and the program is the one under comparison; -O leaves overlays out.
        command = [program, "-O", *voi, "+on2" if deep else "+on", str(source), str(target)]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode or not target.is_file():
            return None
        with Image.open(target) as picture:
            return np.asarray(picture).astype(np.int64)


def _open_step(dataset: Dataset) -> tuple[float, float]:
    """Least and most that a shown value may lie above dcm2pnm's, in 16-bit steps."""
    window, slope = first_window(dataset), float(dataset.get("RescaleSlope") or 1)
    whole_number = 0.0 if window is None or slope.is_integer() else _WHITE / (window.width - 1)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        return -1 - whole_number, 1.0  # it counts inverted lookup tables from 65,536 down
    return 0.0, 1 + whole_number


def _count(kind: str, equal: NDArray[np.bool_]) -> Agreement:
    return Agreement(kind, equal.size, int((~equal).sum()))
