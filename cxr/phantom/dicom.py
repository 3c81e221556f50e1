"""A phantom's film as a DICOM file, module by module in the standard's order (PS3.3 A.2 and A.26)."""

from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)

from cxr.phantom.course import Visit
from cxr.phantom.frame import Floats
from cxr.phantom.patient import Patient

__all__ = ["build_dicom", "write_dicom"]


def build_dicom(
    pixels: Floats, patient: Patient, visit: Visit, *, photometric: str, bits: int, pixel_cm: float, modality: str
) -> FileDataset:
    """The data set of one film.

    Args:
        pixels: (size, size) in [0, 1], bone bright.
        patient: whose id, sex and birth year it carries; all synthetic.
        visit: the examination.
        photometric: "MONOCHROME2", or "MONOCHROME1" with stored values reversed to mean the same picture.
        bits: stored, 12 or 16.
        pixel_cm: side of a pixel.
        modality: "CR" or "DX".
    """
    identity = [patient.identifier, str(visit.follow_up), str(patient.anatomy_seed)]
    storage: UID = DigitalXRayImageStorageForPresentation if modality == "DX" else ComputedRadiographyImageStorage
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = storage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[*identity, "instance"])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    # Patient
    dataset.PatientName = f"PHANTOM^{patient.identifier}"
    dataset.PatientID = patient.identifier
    dataset.PatientBirthDate = ""
    dataset.PatientSex = patient.sex
    # General study
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=[*identity, "study"])
    dataset.StudyDate = visit.day.strftime("%Y%m%d")
    dataset.StudyTime = "120000"
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = str(visit.follow_up + 1)
    dataset.AccessionNumber = ""
    dataset.PatientAge = f"{visit.age:03d}Y"
    # Series, equipment
    dataset.Modality = modality
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[*identity, "series"])
    dataset.SeriesNumber = 1
    dataset.Laterality = ""
    dataset.Manufacturer = "cxr phantom"
    dataset.BodyPartExamined = "CHEST"
    dataset.ViewPosition = visit.view
    # Image
    dataset.InstanceNumber = 1
    dataset.PatientOrientation = ["L", "F"]
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.BurnedInAnnotation = "NO"
    dataset.ImagerPixelSpacing = [round(pixel_cm * 10, 4)] * 2
    top = 2**bits - 1
    stored = np.rint(np.clip(pixels, 0.0, 1.0) * top).astype("<u2")
    if photometric == "MONOCHROME1":
        stored = (top - stored).astype("<u2")
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = photometric
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits, bits - 1
    dataset.PixelRepresentation = 0
    if modality == "DX":
        dataset.PixelIntensityRelationship = "LOG"
        dataset.PixelIntensityRelationshipSign = 1 if photometric == "MONOCHROME1" else -1
        dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
        dataset.PresentationLUTShape = "INVERSE" if photometric == "MONOCHROME1" else "IDENTITY"
        dataset.PresentationIntentType = "FOR PRESENTATION"
        dataset.ImageLaterality = "U"
    dataset.WindowCenter, dataset.WindowWidth = str((top + 1) // 2), str(top + 1)
    dataset.PixelData = stored.tobytes()
    dataset.SOPClassUID = storage
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    return dataset


def write_dicom(path: Path, pixels: Floats, patient: Patient, visit: Visit, pixel_cm: float) -> None:
    """Write one film; interpretation, depth and modality follow from the patient, so that a cohort holds all kinds."""
    kind = (patient.anatomy_seed + visit.follow_up) % 4
    dataset = build_dicom(
        pixels,
        patient,
        visit,
        photometric="MONOCHROME1" if kind in {1, 2} else "MONOCHROME2",
        bits=16 if kind >= 2 else 12,
        pixel_cm=pixel_cm,
        modality="DX" if kind % 2 else "CR",
    )
    dataset.save_as(path, enforce_file_format=True)
