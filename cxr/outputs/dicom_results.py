"""Both DICOM results of one examined image: the structured report and the overlay."""

import io
from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset

from cxr.imaging.reading import FileKind, file_kind
from cxr.outputs.dicom_capture import secondary_capture
from cxr.outputs.dicom_identity import read_header
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
        ``{"sr": ..., "sc": ...}``; empty if the input was refused or is no DICOM file, because a result
        must name the object, the study and the patient it belongs to.
    """
    if examination.exhibit is None or not _is_dicom(source):
        return {}
    header = read_header(source)
    return {
        "sr": structured_report(examination.result, header, datetime.now()),
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
