"""The structured report of screening, completed by a reader: verified and final, with what the reader stated.

It is the report of :mod:`cxr.outputs.dicom_sr`, to which each finding's group gains the reader's verdict as a
qualitative evaluation, and the document the comment and the verifying observer (PS3.3 C.17.2).
"""

from datetime import UTC, datetime

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.valuerep import PersonName

from cxr.outputs.dicom_identity import derived_uid
from cxr.outputs.dicom_sr import structured_report
from cxr.outputs.finding_codes import PRIVATE_SCHEME, finding_concept
from cxr.screening.result import ScreeningResult
from cxr.worklist.decisions import Decision

__all__ = ["signed_report"]

_VERDICT = Code("READER_VERDICT", PRIVATE_SCHEME, "Verdict of the reader")
_PRESENT = Code("READER_PRESENT", PRIVATE_SCHEME, "Present according to the reader")
_ABSENT = Code("READER_ABSENT", PRIVATE_SCHEME, "Absent according to the reader")
_COMMENT = Code("121106", "DCM", "Comment")
_FINDING = ("121071", "DCM")
_LONGEST_NAME = 64


def signed_report(result: ScreeningResult, decision: Decision, header: Dataset, organization: str) -> Dataset:
    """Write the signed report of one image.

    Args:
        result: what the model said.
        decision: what the reader signed.
        header: attributes of the DICOM image.
        organization: where the reader works; DICOM requires a name.
    """
    signed = datetime.fromisoformat(decision.signed).astimezone(UTC)
    document: Dataset = structured_report(result, header, signed)
    verdicts = {finding_concept(name).value: there for name, there in decision.verdicts.items()}
    for group in _groups(document):
        concept = _finding_of(group)
        if concept in verdicts and not _has_region(group):
            verdict = _PRESENT if verdicts[concept] else _ABSENT
            group.ContentSequence.append(
                sr.CodeContentItem(name=_VERDICT, value=verdict, relationship_type=sr.RelationshipTypeValues.CONTAINS)
            )
    if decision.comment:
        document.ContentSequence.append(
            sr.TextContentItem(
                name=_COMMENT, value=decision.comment, relationship_type=sr.RelationshipTypeValues.CONTAINS
            )
        )
    # A verified document is a complete and final one (PS3.3 C.17.2).
    document.CompletionFlag, document.PreliminaryFlag, document.VerificationFlag = "COMPLETE", "FINAL", "VERIFIED"
    document.VerifyingObserverSequence = [_observer(decision.reader, organization, signed)]
    document.SpecificCharacterSet = "ISO_IR 192"
    document.SeriesDescription = "cxr screening report, signed (research use only)"
    source = f"{header.SOPInstanceUID} {decision.reader} {decision.signed}"
    document.SOPInstanceUID = derived_uid("signed SR instance", source, result.model)
    document.file_meta.MediaStorageSOPInstanceUID = document.SOPInstanceUID
    return document


def _groups(document: Dataset) -> list[Dataset]:
    """The measurement groups of a TID 1500 document."""
    found, waiting = [], list(document.ContentSequence)
    while waiting:
        item = waiting.pop()
        children = list(item.get("ContentSequence", []))
        if any(_concept(child) == _FINDING for child in children):
            found.append(item)
        else:
            waiting += children
    return found


def _concept(item: Dataset) -> tuple[str, str] | None:
    names = item.get("ConceptNameCodeSequence")
    return (_value(names[0]), names[0].CodingSchemeDesignator) if names else None


def _value(code: Dataset) -> str:
    """A code of up to 16 characters, or a longer one."""
    return str(code.get("CodeValue") or code.get("LongCodeValue"))


def _finding_of(group: Dataset) -> str:
    return next(_value(c.ConceptCodeSequence[0]) for c in group.ContentSequence if _concept(c) == _FINDING)


def _has_region(group: Dataset) -> bool:
    return any(child.ValueType == "SCOORD" for child in group.ContentSequence)


def _observer(reader: str, organization: str, signed: datetime) -> Dataset:
    item = Dataset()
    # A caret parts a DICOM name; one that was typed has no such parts.
    plain = reader.replace("^", " ").replace("=", " ").replace("\\", " ")[:_LONGEST_NAME]
    item.VerifyingObserverName = PersonName(plain)
    item.VerifyingOrganization = organization
    item.VerificationDateTime = signed.strftime("%Y%m%d%H%M%S+0000")
    item.VerifyingObserverIdentificationCodeSequence = []
    return item
