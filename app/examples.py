"""Ten made-up patients to try the page on: films of a phantom cohort, two of them with an earlier visit.

The films lie in app/examples. ``python -m app.examples`` draws them again.
"""

import tempfile
from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import JPEGLSLossless

from cxr.phantom import generate_cohort

__all__ = ["example_files"]

_FOLDER = Path(__file__).parent / "examples"
_SEED, _PATIENTS, _SIZE, _BITS = 21, 12, 512, 8
# Chosen for variety: nothing, a mass, pneumonia, a large heart; heart failure and infiltrates with an earlier visit.
_FILMS = (
    "00000001_000",
    "00000003_000",
    "00000004_000",
    "00000005_000",
    "00000005_002",
    "00000006_000",
    "00000006_002",
    "00000007_000",
    "00000011_000",
    "00000012_000",
)


def example_files() -> list[Path]:
    """The example films, DICOM."""
    return sorted(_FOLDER.glob("*.dcm"))


def _draw(film: Path, out: Path) -> None:
    """Write a film with 8 bits and lossless compression: a tenth of a megabyte."""
    data = pydicom.dcmread(film)
    top = 2**_BITS - 1
    grey = np.rint(data.pixel_array / (2**data.BitsStored - 1) * top).astype(np.uint8)
    data.BitsAllocated, data.BitsStored, data.HighBit = 8, _BITS, _BITS - 1
    data.WindowCenter, data.WindowWidth = str((top + 1) // 2), str(top + 1)
    data.PixelData = grey.tobytes()
    data.compress(JPEGLSLossless, generate_instance_uid=False)
    data.save_as(out, enforce_file_format=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        drawn = generate_cohort(_PATIENTS, _SIZE, _SEED, Path(scratch) / "cohort", dicom=True)
        _FOLDER.mkdir(exist_ok=True)
        for stem in _FILMS:
            _draw(drawn / "images" / f"{stem}.dcm", _FOLDER / f"{stem}.dcm")
