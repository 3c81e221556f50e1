"""The overlay as a DICOM Secondary Capture in the study of the image it was made from."""

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from cxr.errors import MissingExtraError
from cxr.outputs.dicom_identity import MANUFACTURER, SERIES_NUMBERS, derived_uid
from cxr.screening.result import ScreeningResult

try:
    import highdicom
except ModuleNotFoundError as error:
    raise MissingExtraError("writing DICOM secondary captures", "pacs") from error

__all__ = ["secondary_capture"]


def secondary_capture(result: ScreeningResult, picture: Image.Image, header: Dataset) -> "highdicom.sc.SCImage":
    """Write the overlay of one screened image.

    Args:
        result: what the picture shows.
        picture: as :func:`cxr.outputs.overlay.draw_overlay` gives it.
        header: attributes of the DICOM image it was made from.
    """
    capture = highdicom.sc.SCImage.from_ref_dataset(
        ref_dataset=header,
        pixel_array=np.asarray(picture.convert("RGB")),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        series_instance_uid=derived_uid("SC series", header.StudyInstanceUID, result.model),
        series_number=SERIES_NUMBERS["SC"],
        sop_instance_uid=derived_uid("SC instance", header.SOPInstanceUID, result.model),
        instance_number=1,
        manufacturer=MANUFACTURER,
        patient_orientation=("L", "F"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        series_description="cxr screening overlay (research use only)",
    )
    # Pixels with drawings burnt in are not diagnostic, and must not be taken for the original.
    capture.BurnedInAnnotation = "YES"
    capture.ImageType = ["DERIVED", "SECONDARY"]
    capture.BodyPartExamined = "CHEST"
    source = Dataset()
    source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    capture.SourceImageSequence = [source]
    return capture
