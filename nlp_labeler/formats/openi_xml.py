"""Reports of the Indiana University collection (OpenI): one XML file a report, root element ``eCitation``.

The labeled abstract texts (COMPARISON, INDICATION, FINDINGS, IMPRESSION) become headed sections of one text, so that
the labeler can tell history from findings. The MeSH headings, from which gold labels were made, are never read.
"""

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from nlp_labeler.formats.record import RefusalCode, ReportRecord, record_from_text, refused
from nlp_labeler.formats.safe_xml import stream_elements

__all__ = ["OPENI_ROOT", "read_openi"]

OPENI_ROOT = "eCitation"


def read_openi(path: Path) -> Iterator[ReportRecord]:
    """The report of one OpenI file; its id is the ``uId``, or the name of the file where there is none.

    Raises:
        LabelerError: if the file is not well-formed XML or declares entities.
    """
    for citation in stream_elements(path, OPENI_ROOT):
        unique = citation.find("uId")
        identifier = unique.get("id", "") if unique is not None else ""
        abstract = citation.find(".//Abstract")
        if abstract is None:
            yield refused(RefusalCode.MISSING_TEXT, f"{path.name} has no Abstract", identifier or path.stem)
        else:
            yield record_from_text(path.name, identifier or path.stem, report_text(abstract))


def report_text(abstract: Element) -> str:
    """The sections of an abstract that have any text, each on its own line under its heading."""
    sections: list[str] = []
    for section in abstract.iter("AbstractText"):
        body = "".join(section.itertext()).strip()
        heading = section.get("Label", "").strip()
        if body:
            sections.append(f"{heading}: {body}" if heading else body)
    return "\n".join(sections)
