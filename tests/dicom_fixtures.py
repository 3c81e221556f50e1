"""DICOM files made by hand, so that the right answer is known."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

DX_FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.1"


@pytest.fixture(scope="session")
def make_dicom() -> Callable[..., Dataset]:
    """A function that makes a DX chest dataset of some pixels; keyword arguments set or (None) delete elements."""

    def make(pixels: np.ndarray, *, bits: int = 12, **elements: Any) -> Dataset:
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPClassUID = UID(DX_FOR_PRESENTATION)
        dataset.SOPInstanceUID = generate_uid(entropy_srcs=["test"])
        dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "CHEST", "PA"
        dataset.PatientID, dataset.PatientSex, dataset.PatientAge = "P-17", "F", "063Y"
        dataset.Rows, dataset.Columns = pixels.shape[:2]
        dataset.SamplesPerPixel = pixels.shape[2] if pixels.ndim == 3 else 1
        dataset.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
        if pixels.ndim == 3:
            dataset.PlanarConfiguration = 0
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8 * pixels.itemsize, bits, bits - 1
        dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
        dataset.PixelData = pixels.tobytes()
        dataset["PixelData"].VR = "OW" if pixels.itemsize > 1 else "OB"
        for name, value in elements.items():
            if value is None:
                delattr(dataset, name)
            else:
                setattr(dataset, name, value)
        return dataset

    return make


@pytest.fixture(scope="session")
def dicom_bytes() -> Callable[[Dataset], bytes]:
    """A function that writes a dataset as a DICOM file into memory."""

    def write(dataset: Dataset) -> bytes:
        stream = io.BytesIO()
        dataset.save_as(stream, enforce_file_format=True)
        return stream.getvalue()

    return write
