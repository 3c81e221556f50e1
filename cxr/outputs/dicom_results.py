"""The DICOM results of one examined image: the structured report and the overlay, or why there are none."""

import io
from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset

from cxr.imaging.reading import FileKind, file_kind
from cxr.outputs.dicom_capture import secondary_capture
from cxr.outputs.dicom_identity import read_header
from cxr.outputs.dicom_refusal import refusal_report
from cxr.outputs.dicom_report import structured_report
from cxr.outputs.overlay import draw_overlay
from cxr.screening.exhibit import Examination

__all__ = ["dicom_bytes", "dicom_results"]

_SIGNATURE_BYTES = 4096


def dicom_results(examination: Examination, source: Path | bytes) -> dict[str, Dataset]:
    """The objects that go back to the archive, by kind.

    Args:
        examination: of the image.
        source: the very file it was made from.

    Returns:
        ``{"sr": ..., "sc": ...}``; of a refused input the SR alone, which says why it was not screened. Empty if it is
        no DICOM file, because a result must name the object, the study and the patient it belongs to.

    Raises:
        RefusedInputError: if it is a file of no known kind, or one without an identity that a result could refer to.
    """
    if not _is_dicom(source):
        return {}
    header, now = read_header(source), datetime.now()
    if examination.exhibit is None:
        return {"sr": refusal_report(examination.result, header, now)}
    return {
        "sr": structured_report(examination.result, header, now),
        "sc": secondary_capture(examination.result, draw_overlay(examination), header),
    }


def dicom_bytes(dataset: Dataset) -> bytes:
    """A dataset as the content of a DICOM file."""
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _is_dicom(source: Path | bytes) -> bool:
    if isinstance(source, bytes):
        return file_kind(source[:_SIGNATURE_BYTES]) is FileKind.DICOM
    with source.open("rb") as stream:
        return file_kind(stream.read(_SIGNATURE_BYTES)) is FileKind.DICOM
