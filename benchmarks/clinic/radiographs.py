"""The same 200 NIH radiographs as pictures and as DICOM, in the shared size and in that of the official release."""

from pathlib import Path

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from benchmarks.record import shared_data

__all__ = ["COUNT", "OFFICIAL_SIDE", "write_radiographs"]

COUNT, OFFICIAL_SIDE = 200, 1024


def write_radiographs(folder: Path, side: int | None = None) -> list[Path]:
    """Half of the radiographs as PNG or JPEG, half wrapped as uncompressed DICOM.

    Args:
        folder: where to write them.
        side: enlarge them to this many pixels and write PNG, as the official release does; ``None`` keeps the shared
            JPEG as it is.
    """
    folder.mkdir(parents=True)
    written = []
    for number, source in enumerate(sorted((shared_data() / "nih" / "images").glob("*.jpg"))[:COUNT]):
        picture = Image.open(source).convert("L")
        if side is not None:
            picture = picture.resize((side, side), Image.Resampling.BICUBIC)
        if number % 2:
            path = folder / f"{number:03}.dcm"
            _write_dicom(path, np.asarray(picture))
        elif side is None:
            path = folder / f"{number:03}.jpg"
            path.write_bytes(source.read_bytes())
        else:
            path = folder / f"{number:03}.png"
            picture.save(path)
        written.append(path)
    return written


def _write_dicom(path: Path, pixels: np.ndarray) -> None:
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
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    data.PixelData = pixels.tobytes()
    pydicom.dcmwrite(path, data, enforce_file_format=True)
