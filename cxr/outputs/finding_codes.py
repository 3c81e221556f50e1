"""Coded concepts of findings and of what screening says of them: the same in DICOM and in FHIR."""

from pydicom.sr.coding import Code

from cxr.reporting.document import FindingResult
from nlp_labeler.findings import finding_entry

__all__ = ["DECISION", "PRIVATE_SCHEME", "PROBABILITY", "THRESHOLD", "decision_code", "finding_concept"]

PRIVATE_SCHEME = "99CXR"
PROBABILITY = Code("PROBABILITY", PRIVATE_SCHEME, "Calibrated probability of the finding")
THRESHOLD = Code("THRESHOLD", PRIVATE_SCHEME, "Operating point on the probability")
DECISION = Code("DECISION", PRIVATE_SCHEME, "Relation to the operating point")
_ABOVE = Code("ABOVE", PRIVATE_SCHEME, "Above the operating point")
_BELOW = Code("BELOW", PRIVATE_SCHEME, "Not above the operating point")
_DOUBTFUL = Code("DOUBTFUL", PRIVATE_SCHEME, "Not above the operating point, on a doubtful image")
_UNJUDGED = Code("UNJUDGED", PRIVATE_SCHEME, "No certified operating point")


def finding_concept(name: str) -> Code:
    """The coded concept of a finding.

    Raises:
        ConfigError: if no such finding is in the table.
    """
    return Code(*finding_entry(name).code)


def decision_code(finding: FindingResult, *, doubtful: bool) -> Code:
    """On which side of its operating point a finding fell.

    Args:
        finding: of a screened image.
        doubtful: whether the image is, of which nothing may be called below its operating point.
    """
    if finding.threshold is None:
        return _UNJUDGED
    return _ABOVE if finding.positive else _DOUBTFUL if doubtful else _BELOW
