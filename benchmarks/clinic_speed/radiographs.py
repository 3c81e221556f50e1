"""The same NIH radiographs as pictures and as DICOM, in the shared size and in those of the release and of a clinic."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from benchmarks.provenance import shared_data

__all__ = ["SIZES", "Size", "write_radiographs"]

_SCALE_TO_12_BITS = 16


@dataclass(frozen=True)
class Size:
    """In what size radiographs are written.

    Attributes:
        name: of the line in the table.
        data: what the files are.
        count: how many.
        shape: width and height; ``None`` keeps the shared files as they are.
        only_dicom: 12-bit DICOM only; otherwise every second file is 8-bit DICOM, the others PNG or JPEG.
    """

    name: str
    data: str
    count: int
    shape: tuple[int, int] | None
    only_dicom: bool = False


SIZES = (
    Size("256 px, as shared", "half JPEG as shared, half DICOM of 8 bits", 200, None),
    Size("1,024 px, as NIH released", "enlarged; half PNG, half DICOM of 8 bits", 200, (1024, 1024)),
    Size("2,544 x 3,056 px, as a clinic sends", "enlarged; DICOM of 12 bits, uncompressed", 40, (2544, 3056), True),
)


def write_radiographs(folder: Path, size: Size) -> list[Path]:
    """The first radiographs of the shared selection in one size."""
    folder.mkdir(parents=True)
    written = []
    for number, source in enumerate(sorted((shared_data("nih") / "images").glob("*.jpg"))[: size.count]):
        picture = Image.open(source).convert("L")
        if size.shape is not None:
            picture = picture.resize(size.shape, Image.Resampling.BICUBIC)
        if size.only_dicom or number % 2:
            path = folder / f"{number:03}.dcm"
            gray = np.asarray(picture)
            _write_dicom(path, gray.astype(np.uint16) * _SCALE_TO_12_BITS if size.only_dicom else gray)
        elif size.shape is None:
            path = folder / f"{number:03}.jpg"
            path.write_bytes(source.read_bytes())
        else:
            path = folder / f"{number:03}.png"
            picture.save(path)
        written.append(path)
    return written


def _write_dicom(path: Path, pixels: NDArray[np.uint8 | np.uint16]) -> None:
    allocated = 8 * pixels.itemsize
    stored = 8 if allocated == 8 else 12
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    data = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
    data.PatientID, data.PatientName, data.Modality, data.BodyPartExamined = "1", "A^B", "DX", "CHEST"
    data.Rows, data.Columns = pixels.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit = allocated, stored, stored - 1
    data.PixelRepresentation = 0
    data.PixelData = pixels.tobytes()
    pydicom.dcmwrite(path, data, enforce_file_format=True)
