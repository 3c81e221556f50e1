"""DICOM Comprehensive SRs (TID 1500) from a ScreeningResult, referring to the image it was made from.

Of a screened image every finding of the label space is a measurement group with its probability, its threshold and on
which side of it the image fell; a finding above its threshold has one planar region per box. A refused image gets a
report that says so, lest anybody take silence for a normal finding. Each group names the algorithm, its version and the
hashes of model and bundle. A document is complete but never verified: no person has seen it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from cxr.errors import MissingExtraError
from cxr.localization import Box
from cxr.outputs.dicom_identity import MANUFACTURER, SERIES_NUMBERS, derived_uid, tracking_uid
from cxr.outputs.finding_codes import DECISION, PRIVATE_SCHEME, PROBABILITY, THRESHOLD, decision_code, finding_concept
from cxr.outputs.words import decision_line
from cxr.reporting.document import FindingResult
from cxr.reporting.doubt import DOUBT_MEANINGS
from cxr.screening.result import ScreeningResult
from nlp_labeler.findings import finding_entry

try:
    from highdicom import sr
except ModuleNotFoundError as error:
    raise MissingExtraError("writing DICOM SR", "pacs") from error

__all__ = ["refusal_report", "structured_report"]

_MeasurementGroup: TypeAlias = (
    sr.MeasurementsAndQualitativeEvaluations | sr.PlanarROIMeasurementsAndQualitativeEvaluations
)

_CHEST_RADIOGRAPHY = Code("399208008", "SCT", "Plain chest X-ray")
_IMAGE_LEVEL = Code("SCREENING", PRIVATE_SCHEME, "Screening of the whole image")
_NO_UNITS = Code("1", "UCUM", "no units")
_REGION_SCORE = Code("REGION_SCORE", PRIVATE_SCHEME, "Probability times the relative heat of the region")
_TRIAGE = Code("TRIAGE", PRIVATE_SCHEME, "Triage of the image")
_TRIAGE_VALUES = {
    "refer": Code("REFER", PRIVATE_SCHEME, "Refer"),
    "read": Code("READ", PRIVATE_SCHEME, "A person must read it"),
    "none": Code("NONE", PRIVATE_SCHEME, "Nothing above its threshold"),
}
_DOUBT = Code("DOUBT", PRIVATE_SCHEME, "Reason to doubt the result")
_OUTCOME = Code("OUTCOME", PRIVATE_SCHEME, "Outcome of screening")
_NOT_SCREENED = Code("NOT_SCREENED", PRIVATE_SCHEME, "Not screened; a person must read it")
_REASON = Code("REASON", PRIVATE_SCHEME, "Reason for not screening")
_COMMENT = Code("121106", "DCM", "Comment")
_SIDES = {
    "left": Code("7771000", "SCT", "Left"),
    "right": Code("24028007", "SCT", "Right"),
    "bilateral": Code("51440002", "SCT", "Right and left"),
}


def structured_report(result: ScreeningResult, header: Dataset, written: datetime) -> sr.ComprehensiveSR:
    """Write the SR of one screened image.

    Args:
        result: with status ``"screened"``.
        header: attributes of the DICOM image it was made from.
        written: date and time of the document.

    Raises:
        ValueError: if the result was refused.
    """
    if result.triage is None or result.report is None:
        raise ValueError(f"{result.path} was refused: there is nothing to report")
    sides = {s.finding: s.side for s in result.report.sentences if s.finding}
    doubts = [
        (_DOUBT, Code(doubt.upper(), PRIVATE_SCHEME, DOUBT_MEANINGS[doubt].capitalize())) for doubt in result.doubts
    ]
    groups = [_image_group("triage", [(_TRIAGE, _TRIAGE_VALUES[result.triage]), *doubts], result, header)]
    for finding in result.findings:
        groups += _finding_groups(result, finding, sides.get(finding.name), header)
    document = _screening_document(result, groups, header, written)
    for decision in result.certified:
        document.ContentSequence.append(_comment(decision_line(decision)))
    return document


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
    group = _image_group("refusal", [(_OUTCOME, _NOT_SCREENED), (_REASON, reason)], result, header)
    document = _screening_document(result, [group], header, written)
    document.ContentSequence.append(_comment(result.refusal.message))
    return document


def _comment(text: str) -> sr.TextContentItem:
    return sr.TextContentItem(name=_COMMENT, value=text, relationship_type=sr.RelationshipTypeValues.CONTAINS)


def _finding_groups(
    result: ScreeningResult, finding: FindingResult, side: str | None, header: Dataset
) -> list[_MeasurementGroup]:
    """One group for the image, and one per box."""
    concept, organ = finding_concept(finding.name), Code(*finding_entry(finding.name).site)
    site = sr.FindingSite(organ, laterality=_SIDES.get(side or ""))  # a side near the midline has no code
    decision = sr.QualitativeEvaluation(DECISION, decision_code(finding, doubtful=bool(result.doubts)))
    whole = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(finding.name, result, header),
        finding_type=concept,
        algorithm_id=_algorithm(result),
        finding_sites=[site],
        measurements=_measurements(finding),
        qualitative_evaluations=[decision],
        source_images=[_source_image(header)],
    )
    regions = [
        sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(f"{finding.name} region {number}", result, header),
            referenced_region=_region(box, header),
            finding_type=concept,
            algorithm_id=_algorithm(result),
            finding_sites=[site],
            measurements=[sr.Measurement(_REGION_SCORE, box.score, _NO_UNITS)],
        )
        for number, box in enumerate(finding.boxes, 1)
    ]
    return [whole, *regions]


def _measurements(finding: FindingResult) -> list[sr.Measurement]:
    found = [sr.Measurement(PROBABILITY, finding.probability, _NO_UNITS)]
    if finding.threshold is not None:
        found.append(sr.Measurement(THRESHOLD, finding.threshold, _NO_UNITS))
    return found


def _region(box: Box, header: Dataset) -> sr.ImageRegion:
    """The box as a closed polyline in pixels of the image, clockwise from its top left corner."""
    x0, y0, x1, y1 = box.x, box.y, box.x + box.width, box.y + box.height
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)])
    return sr.ImageRegion(
        graphic_type=sr.GraphicTypeValues.POLYLINE,
        graphic_data=corners,
        source_image=sr.SourceImageForRegion(header.SOPClassUID, header.SOPInstanceUID),
    )


def _screening_document(
    result: ScreeningResult, groups: Sequence[_MeasurementGroup], header: Dataset, written: datetime
) -> sr.ComprehensiveSR:
    """The one document on an image: written again by the same bundle it has the same identity.

    Args:
        result: what is reported.
        groups: its content.
        header: attributes of the DICOM image it was made from.
        written: date and time of the document.
    """
    report = sr.MeasurementReport(
        observation_context=_observer(result),
        procedure_reported=_CHEST_RADIOGRAPHY,
        imaging_measurements=groups,
        title=Code("126000", "DCM", "Imaging Measurement Report"),
    )
    document = sr.ComprehensiveSR(
        evidence=[header],
        content=report[0],
        series_instance_uid=derived_uid("SR series", header.StudyInstanceUID, result.model),
        series_number=SERIES_NUMBERS["SR"],
        sop_instance_uid=derived_uid("SR instance", header.SOPInstanceUID, result.model),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description="cxr screening report (research use only)",
    )
    document.CodingSchemeIdentificationSequence = [_private_scheme()]
    document.ContentDate, document.ContentTime = written.strftime("%Y%m%d"), written.strftime("%H%M%S")
    return document


def _image_group(
    name: str, evaluations: Sequence[tuple[Code, Code]], result: ScreeningResult, header: Dataset
) -> _MeasurementGroup:
    """What is said of the image as a whole.

    Args:
        name: of the group, which its tracking identifier carries.
        evaluations: concepts and their values.
        result: see :func:`_screening_document`.
        header: see there.
    """
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(name, result, header),
        finding_type=_IMAGE_LEVEL,
        algorithm_id=_algorithm(result),
        qualitative_evaluations=[sr.QualitativeEvaluation(concept, value) for concept, value in evaluations],
        source_images=[_source_image(header)],
    )


def _algorithm(result: ScreeningResult) -> sr.AlgorithmIdentification:
    """Bundle, version and hashes."""
    hashes = {"model": result.model.sha256, "bundle": result.model.bundle_sha256}
    return sr.AlgorithmIdentification(
        name=result.model.bundle,
        version=result.model.version,
        parameters=[f"{what} sha256 {sha256}" for what, sha256 in hashes.items() if sha256],
        manufacturer=MANUFACTURER,
    )


def _source_image(header: Dataset) -> sr.SourceImageForMeasurementGroup:
    """The reference to the image."""
    return sr.SourceImageForMeasurementGroup(header.SOPClassUID, header.SOPInstanceUID)


def _tracking(what: str, result: ScreeningResult, header: Dataset) -> sr.TrackingIdentifier:
    """The identity of one group of one image's document."""
    uid = tracking_uid(what, header.SOPInstanceUID, result.model)
    return sr.TrackingIdentifier(uid=uid, identifier=what.replace("_", " "))


def _private_scheme() -> Dataset:
    """Who is responsible for the codes that no terminology has."""
    scheme = Dataset()
    scheme.CodingSchemeDesignator = PRIVATE_SCHEME
    scheme.CodingSchemeName = "cxr screening"
    scheme.CodingSchemeResponsibleOrganization = MANUFACTURER
    return scheme


def _observer(result: ScreeningResult) -> sr.ObservationContext:
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=derived_uid("device", result.model.sha256, result.model),
        name=result.model.bundle,
        manufacturer_name=MANUFACTURER,
        model_name=result.model.version,
        serial_number=result.model.sha256,
    )
    return sr.ObservationContext(
        observer_device_context=sr.ObserverContext(
            observer_type=Code("121007", "DCM", "Device"), observer_identifying_attributes=device
        )
    )
