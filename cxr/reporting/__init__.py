"""Screening scores -> sentences that the image supports.

- :func:`write_report`: findings with boxes -> :class:`GroundedReport` of :class:`Sentence` with :class:`Evidence`
- :class:`FindingResult`: one finding as screened
- :func:`side_of`, :func:`zones_of`: boxes in the patient's terms
"""

from cxr.reporting.finding import FindingResult
from cxr.reporting.location import Side, Zone, side_of, zones_of
from cxr.reporting.report import Evidence, GroundedReport, Sentence, Triage, write_report

__all__ = [
    "Evidence",
    "FindingResult",
    "GroundedReport",
    "Sentence",
    "Side",
    "Triage",
    "Zone",
    "side_of",
    "write_report",
    "zones_of",
]
