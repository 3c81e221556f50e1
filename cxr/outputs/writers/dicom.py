"""dicom/: the DICOM results of a DICOM input: the structured report and the overlay, or why there are none."""

import io
import logging
from collections.abc import Mapping
from datetime import datetime

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from cxr.errors import MissingExtraError
from cxr.outputs.dicom_identity import MANUFACTURER, SERIES_NUMBERS, derived_uid, referable
from cxr.outputs.dicom_sr import refusal_report, structured_report
from cxr.outputs.writers import Writer
from cxr.outputs.writers.overlays import draw_overlay
from cxr.screening.artifacts import Examination
from cxr.screening.result import ScreeningResult

try:
    import highdicom
except ModuleNotFoundError as error:
    raise MissingExtraError("writing DICOM secondary captures", "pacs") from error

__all__ = ["WRITER", "dicom_bytes", "dicom_results"]

_LOG = logging.getLogger(__name__)


def dicom_results(examination: Examination) -> dict[str, Dataset]:
    """The objects that go back to the archive, by kind.

    Args:
        examination: of the image.

    Returns:
        ``{"sr": ..., "sc": ...}``; of a refused input the SR alone, which says why it was not screened. Empty if it is
        no DICOM file, because a result must name the object, the study and the patient it belongs to.

    Raises:
        RefusedInputError: if it has no identity that a result could refer to.
    """
    if examination.header is None:
        return {}
    header, now = referable(examination.header), datetime.now()
    if examination.artifacts is None:
        return {"sr": refusal_report(examination.result, header, now)}
    return {
        "sr": structured_report(examination.result, header, now),
        "sc": _secondary_capture(examination.result, draw_overlay(examination), header),
    }


def dicom_bytes(dataset: Dataset) -> bytes:
    """A dataset as the content of a DICOM file."""
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _secondary_capture(result: ScreeningResult, picture: Image.Image, header: Dataset) -> "highdicom.sc.SCImage":
    """Write the overlay of one screened image.

    Args:
        result: what the picture shows.
        picture: as :func:`cxr.outputs.writers.overlays.draw_overlay` gives it.
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


def _files(examination: Examination) -> Mapping[str, bytes]:
    try:
        results = dicom_results(examination)
    except Exception as error:
        # Headers of real archives break rules that the standard's objects must keep. The other results stand.
        _LOG.warning("no DICOM results for one input: %s", type(error).__name__)
        return {}
    return {f"dicom/{{}}_{kind}.dcm": dicom_bytes(dataset) for kind, dataset in results.items()}


WRITER = Writer(files=_files, refusals=_files)
