"""A DICOM Comprehensive SR (TID 1500) from a ScreeningResult, referring to the image it was made from.

Every finding of the label space is a measurement group with its probability, its threshold and on which side
of it the image fell; a finding above its threshold has one planar region per box.
"""

from datetime import datetime

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from cxr.errors import MissingExtraError
from cxr.localization import Box
from cxr.outputs.dicom_codes import PRIVATE_SCHEME, dicom_codes
from cxr.outputs.dicom_document import (
    MeasurementGroup,
    algorithm,
    image_group,
    screening_document,
    source_image,
    tracking,
)
from cxr.reporting import FindingResult
from cxr.screening.result import ScreeningResult

try:
    from highdicom import sr
except ModuleNotFoundError as error:
    raise MissingExtraError("writing DICOM SR", "pacs") from error

__all__ = ["structured_report"]

_NO_UNITS = Code("1", "UCUM", "no units")
_PROBABILITY = Code("PROBABILITY", PRIVATE_SCHEME, "Calibrated probability of the finding")
_THRESHOLD = Code("THRESHOLD", PRIVATE_SCHEME, "Operating point on the probability")
_REGION_SCORE = Code("REGION_SCORE", PRIVATE_SCHEME, "Probability times the relative heat of the region")
_DECISION = Code("DECISION", PRIVATE_SCHEME, "Relation to the operating point")
_ABOVE = Code("ABOVE", PRIVATE_SCHEME, "Above the operating point")
_BELOW = Code("BELOW", PRIVATE_SCHEME, "Not above the operating point")
_UNJUDGED = Code("UNJUDGED", PRIVATE_SCHEME, "No certified operating point")
_TRIAGE = Code("TRIAGE", PRIVATE_SCHEME, "Triage of the image")
_TRIAGE_VALUES = {
    "refer": Code("REFER", PRIVATE_SCHEME, "Refer"),
    "read": Code("READ", PRIVATE_SCHEME, "A person must read it"),
    "none": Code("NONE", PRIVATE_SCHEME, "Nothing above its threshold"),
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
    groups = [image_group("triage", [(_TRIAGE, _TRIAGE_VALUES[result.triage])], result, header)]
    for finding in result.findings:
        groups += _finding_groups(result, finding, sides.get(finding.name), header)
    return screening_document(result, groups, header, written)


def _finding_groups(
    result: ScreeningResult, finding: FindingResult, side: str | None, header: Dataset
) -> list[MeasurementGroup]:
    """One group for the image, and one per box."""
    codes = dicom_codes()
    site = sr.FindingSite(codes.site(finding.name), laterality=codes.laterality(side))
    whole = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=tracking(finding.name, result, header),
        finding_type=codes.concept(finding.name),
        algorithm_id=algorithm(result),
        finding_sites=[site],
        measurements=_measurements(finding),
        qualitative_evaluations=[sr.QualitativeEvaluation(_DECISION, _decision(finding))],
        source_images=[source_image(header)],
    )
    regions = [
        sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking(f"{finding.name} region {number}", result, header),
            referenced_region=_region(box, header),
            finding_type=codes.concept(finding.name),
            algorithm_id=algorithm(result),
            finding_sites=[site],
            measurements=[sr.Measurement(_REGION_SCORE, box.score, _NO_UNITS)],
        )
        for number, box in enumerate(finding.boxes, 1)
    ]
    return [whole, *regions]


def _measurements(finding: FindingResult) -> list[sr.Measurement]:
    found = [sr.Measurement(_PROBABILITY, finding.probability, _NO_UNITS)]
    if finding.threshold is not None:
        found.append(sr.Measurement(_THRESHOLD, finding.threshold, _NO_UNITS))
    return found


def _decision(finding: FindingResult) -> Code:
    if finding.threshold is None:
        return _UNJUDGED
    return _ABOVE if finding.positive else _BELOW


def _region(box: Box, header: Dataset) -> sr.ImageRegion:
    """The box as a closed polyline in pixels of the image, clockwise from its top left corner."""
    x0, y0, x1, y1 = box.x, box.y, box.x + box.width, box.y + box.height
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)])
    return sr.ImageRegion(
        graphic_type=sr.GraphicTypeValues.POLYLINE,
        graphic_data=corners,
        source_image=sr.SourceImageForRegion(header.SOPClassUID, header.SOPInstanceUID),
    )
