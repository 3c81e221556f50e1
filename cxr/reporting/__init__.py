"""Screening scores -> sentences that the image supports.

- :func:`write_report`: findings with boxes, and a generated text if there is one -> :class:`GroundedReport` of
  :class:`Sentence` with :class:`Evidence`
- :func:`regularise`: a generated text -> the sentences that the image supports, and why the others are not
- :class:`FindingResult`: one finding as screened
- :func:`side_of`, :func:`zones_of`: boxes in the patient's terms
"""

from cxr.reporting.document import (
    AttentionMap,
    CertifiedDecision,
    Evidence,
    FindingResult,
    GeneratedText,
    GroundedReport,
    KeptSentence,
    RegularisedText,
    RemovalReason,
    RemovedSentence,
    Sentence,
    Side,
    Triage,
    Zone,
    side_of,
    zones_of,
)
from cxr.reporting.regulariser import regularise
from cxr.reporting.report import write_report

__all__ = [
    "AttentionMap",
    "CertifiedDecision",
    "Evidence",
    "FindingResult",
    "GeneratedText",
    "GroundedReport",
    "KeptSentence",
    "RegularisedText",
    "RemovalReason",
    "RemovedSentence",
    "Sentence",
    "Side",
    "Triage",
    "Zone",
    "regularise",
    "side_of",
    "write_report",
    "zones_of",
]
