"""The DICOM SR of an image that was not screened, so that nobody takes silence for a normal finding."""

from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from cxr.errors import MissingExtraError
from cxr.outputs.dicom_codes import PRIVATE_SCHEME
from cxr.outputs.dicom_document import image_group, screening_document
from cxr.screening.result import ScreeningResult

try:
    from highdicom import sr
except ModuleNotFoundError as error:
    raise MissingExtraError("writing DICOM SR", "pacs") from error

__all__ = ["refusal_report"]

_OUTCOME = Code("OUTCOME", PRIVATE_SCHEME, "Outcome of screening")
_NOT_SCREENED = Code("NOT_SCREENED", PRIVATE_SCHEME, "Not screened; a person must read it")
_REASON = Code("REASON", PRIVATE_SCHEME, "Reason for not screening")
_COMMENT = Code("121106", "DCM", "Comment")


def refusal_report(result: ScreeningResult, header: Dataset, written: datetime) -> sr.ComprehensiveSR:
    """Write the SR that says why an image was not screened. It has no finding, no probability and no region.

    Args:
        result: with status ``"refused"``.
        header: attributes of the DICOM image.
        written: date and time of the document.

    Raises:
        ValueError: if the result was screened.
    """
    if result.refusal is None:
        raise ValueError(f"{result.path} was screened: there is no refusal to report")
    code = result.refusal.code
    reason = Code(code.upper(), PRIVATE_SCHEME, code.replace("_", " ").capitalize())
    group = image_group("refusal", [(_OUTCOME, _NOT_SCREENED), (_REASON, reason)], result, header)
    document = screening_document(result, [group], header, written)
    document.ContentSequence.append(
        sr.TextContentItem(
            name=_COMMENT, value=result.refusal.message, relationship_type=sr.RelationshipTypeValues.CONTAINS
        )
    )
    return document
