"""BioC XML, the exchange format of NegBio and other biomedical text miners (Comeau 2013, doi:10.1093/database/bat064).

Read: every ``document`` is one report; its passages (or the sentences of its passages) are put back at their offsets.
Written: one document a report with its whole text as one passage and every mention as an annotation. As in NegBio
(Peng 2018, arXiv:1712.05898) the infons ``negation`` and ``uncertainty`` are ``True`` or absent; ``observation`` is the
label column, ``CUI`` the UMLS concept. All offsets count Unicode characters from the start of the report.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from nlp_labeler.document import AssertedMention, Assertion, ReportLabels
from nlp_labeler.formats.record import RefusalCode, ReportRecord, record_from_text, refused
from nlp_labeler.formats.safe_xml import stream_elements

__all__ = ["BIOC_FOOTER", "BIOC_HEADER", "BIOC_ROOT", "bioc_document", "read_bioc"]

BIOC_ROOT = "collection"
BIOC_HEADER = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE collection SYSTEM "BioC.dtd">\n'
    "<collection>\n<source>nlp_labeler</source>\n<date></date>\n<key></key>\n"
)
BIOC_FOOTER = "</collection>\n"

WIDEST_GAP = 1000  # a passage further away follows after one line break: offsets must not decide about memory
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def read_bioc(path: Path) -> Iterator[ReportRecord]:
    """Stream the reports of a BioC collection; annotations are ignored.

    Raises:
        LabelerError: if the file is not well-formed XML or declares entities.
    """
    for number, document in enumerate(stream_elements(path, "document"), start=1):
        where = f"document {number}"
        identifier = (document.findtext("id") or "").strip()
        try:
            text = document_text(document)
        except ValueError:
            yield refused(RefusalCode.MALFORMED, f"{where} has a passage offset that is not a number", identifier)
        else:
            yield record_from_text(where, identifier, text)


def document_text(document: Element) -> str:
    """The text of a document, its passages at the offsets they give, the first one at 0.

    Raises:
        ValueError: if an offset is not a whole number.
    """
    text = ""
    first: int | None = None
    for passage in document.iter("passage"):
        title = next((i.text or "" for i in passage.iter("infon") if i.get("key") == "title"), "").strip()
        parts = [passage] if passage.find("text") is not None else list(passage.iter("sentence"))
        for part in parts:
            offset, body = int(part.findtext("offset") or 0), part.findtext("text") or ""
            first = offset if first is None else first
            gap = offset - first - len(text)
            text += "\n" * (gap if 0 <= gap <= WIDEST_GAP else 1)
            if title and title.casefold() not in (text[-len(title) - 4 :] + body[: len(title)]).casefold():
                text += f"{title.upper()}: "  # a heading that was cut off its section still says what the section is
            title = ""
            text += body
    return text


def bioc_document(record: ReportRecord, result: ReportLabels | None) -> str:
    """One BioC ``document`` element: the text of the report, its mentions, and its labels as infons.

    Args:
        record: the report.
        result: its labels; ``None`` where it was refused, then the refusal is its ``status``.
    """
    document = Element("document")
    SubElement(document, "id").text = xml_text(record.id)
    infon(document, "status", result.status if result else str(record.refusal))
    for label, value in (result.labels if result else {}).items():
        infon(document, label, None if value is None else str(value))
    passage = SubElement(document, "passage")  # the format wants one of every document
    SubElement(passage, "offset").text = "0"
    if result:
        SubElement(passage, "text").text = xml_text(record.text)
        for number, mention in enumerate(result.mentions):
            annotate(passage, str(number), mention)
    indent(document)
    # Written as they are, carriage returns would come back as line feeds and shift every offset behind a CR LF.
    return tostring(document, encoding="unicode").replace("\r", "&#13;") + "\n"


def annotate(passage: Element, number: str, mention: AssertedMention) -> None:
    """Add one mention to a passage."""
    annotation = SubElement(passage, "annotation", id=number)
    infon(annotation, "term", mention.concept)
    infon(annotation, "CUI", mention.cui)
    infon(annotation, "RadLex", mention.radlex)
    infon(annotation, "annotator", "nlp_labeler")
    infon(annotation, "observation", mention.finding)
    infon(annotation, "assertion", str(mention.assertion))
    infon(annotation, "negation", "True" if mention.assertion is Assertion.NEGATED else None)
    infon(annotation, "uncertainty", "True" if mention.assertion is Assertion.UNCERTAIN else None)
    infon(annotation, "pattern_id", mention.rule)
    for attribute in ("severity", "side", "zone", "change"):
        infon(annotation, attribute, getattr(mention, attribute))
    SubElement(annotation, "location", offset=str(mention.start), length=str(mention.end - mention.start))
    SubElement(annotation, "text").text = xml_text(mention.text)


def infon(parent: Element, key: str, value: str | None) -> None:
    """Add one key and value, unless there is no value."""
    if value is not None:
        SubElement(parent, "infon", key=key).text = xml_text(value)


def xml_text(text: str) -> str:
    """The text with characters that XML cannot hold replaced by spaces, one for one, so that offsets stay."""
    return NOT_XML.sub(" ", text)
