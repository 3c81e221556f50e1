"""Files that a reader saves: a signed report as DICOM SR, PDF or HTML, and all signed cases as labels."""

import base64
import io
import unicodedata
from collections.abc import Sequence
from importlib.resources import as_file, files

import pydicom
from fpdf import FPDF
from fpdf.enums import Align, XPos, YPos

from app.rendering import Texts, data_address, render, verdict_words
from cxr.errors import CxrError
from cxr.outputs.words import finding_title
from cxr.screening.result import ScreeningResult
from cxr.worklist.cases import Case
from cxr.worklist.decisions import Decision
from cxr.worklist.pictures import HEADER, OVERLAY, PICTURE
from cxr.worklist.reader_labels import reader_labels
from cxr.worklist.worklist import Worklist

__all__ = ["export_file", "signed_pdf"]

_ORGANIZATION = "not stated"
_MARGIN, _PICTURE_MM = 18.0, 78.0
# DejaVu Sans as matplotlib ships it: Latin, Greek, Cyrillic, Arabic, Hebrew. The PDF carries the letters it uses.
_FAMILY, _FONTS = "dejavu", {"": "DejaVuSans.ttf", "B": "DejaVuSans-Bold.ttf", "I": "DejaVuSans-Oblique.ttf"}


def export_file(worklist: Worklist, owner: str, kind: str, case_id: str, texts: Texts) -> dict[str, str]:
    """One file to save.

    Args:
        worklist: where it is taken from.
        owner: whose cases.
        kind: ``sr``, ``pdf``, ``html`` or ``labels``.
        case_id: of a signed case; empty for ``labels``.
        texts: words of the page.

    Returns:
        ``name`` (without any patient data), media ``type`` and base64 ``content``.

    Raises:
        CxrError: if the case is not the viewer's, is not signed, or cannot be written so.
    """
    if kind == "labels":
        decisions = worklist.decisions.all_latest(owner)
        signed = [(c, decisions[c.id]) for c in worklist.cases.visible(owner) if c.id in decisions]
        return _file("reader_labels.csv", "text/csv", reader_labels(signed).encode())
    case = worklist.cases.get(owner, case_id)
    result, decision = worklist.cases.result(owner, case_id), worklist.decisions.latest(owner, case_id)
    if result is None or decision is None:
        raise CxrError("sign the case first; only signed reports are saved")
    pictures = (worklist.pictures.get(owner, case_id, name) for name in (PICTURE, OVERLAY))
    picture = next((content for content in pictures if content), None)
    if kind == "sr":
        return _file(f"report-{case_id}.dcm", "application/dicom", _sr(worklist, owner, case_id, result, decision))
    facts = _facts(case, result, decision, texts)
    if kind == "pdf":
        content = signed_pdf(texts("signed.title"), facts, picture, texts("page.research"))
        return _file(f"report-{case_id}.pdf", "application/pdf", content)
    if kind == "html":
        shown = data_address(picture) if picture else None
        page = render("signed.html.j2", texts, facts=facts, picture=shown)
        return _file(f"report-{case_id}.html", "text/html", page.encode())
    raise CxrError(f"no export {kind[:20]!r}; there are sr, pdf, html and labels")


def _sr(worklist: Worklist, owner: str, case_id: str, result: ScreeningResult, decision: Decision) -> bytes:
    from cxr.worklist.signed_sr import signed_report

    header = worklist.pictures.get(owner, case_id, HEADER)
    if header is None:
        raise CxrError("the image is no DICOM file; a DICOM report must refer to one. Save it as PDF or HTML")
    document = signed_report(result, decision, pydicom.dcmread(io.BytesIO(header)), _ORGANIZATION)
    stream = io.BytesIO()
    document.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _facts(case: Case, result: ScreeningResult, decision: Decision, texts: Texts) -> list[tuple[str, str]]:
    """Caption and text of everything that a signed report says."""
    overruled = decision.overruled(result)
    stated = [
        f"{finding_title(name)}: {texts('findings.present' if there else 'findings.absent')}"
        + (f" ({texts('findings.overruled')})" if name in overruled else "")
        for name, there in sorted(decision.verdicts.items(), key=lambda verdict: not verdict[1])
    ]
    verdicts = f"{'; '.join(stated)}." if stated else texts("decision.nothing_stated")
    if 0 < len(stated) < len(result.findings):
        verdicts = f"{verdicts} {texts('signed.not_stated')}"
    if decision.by_default:
        taken_over = texts("decision.by_default", verdicts=verdict_words(decision.by_default, texts))
        verdicts = f"{verdicts} {taken_over}"
    subject = case.subject
    who = " · ".join(part for part in (subject.patient, subject.sex, subject.view) if part)
    facts = [
        (texts("signed.patient"), who),
        (texts("signed.study"), subject.study_date or ""),
        (texts("signed.file"), case.name),
        (texts("signed.findings"), verdicts),
        (texts("signed.comment"), decision.comment),
        (texts("signed.machine_report"), result.report.text if result.report else ""),
        (
            texts("signed.machine"),
            texts(
                "signed.provenance",
                bundle=result.model.bundle,
                version=result.model.version,
                model=decision.model_sha256,
                certificate=decision.certificate_sha256,
            ),
        ),
        (
            texts("decision.title"),
            texts("signed.signature", reader=decision.reader, time=decision.signed[:16].replace("T", " ") + " UTC"),
        ),
    ]
    return [(caption, text) for caption, text in facts if text]


def _file(name: str, kind: str, content: bytes) -> dict[str, str]:
    return {"name": name, "type": kind, "content": base64.b64encode(content).decode()}


def signed_pdf(title: str, facts: Sequence[tuple[str, str]], picture: bytes | None, notice: str) -> bytes:
    """Write the PDF.

    Args:
        title: heading.
        facts: (caption, text) pairs in their order.
        picture: PNG of the radiograph, or ``None``.
        notice: what stands under it all.

    Raises:
        CxrError: if a text holds letters that the font has not: nothing signed may be lost.
    """
    pdf = FPDF(format="A4")
    with as_file(files("matplotlib") / "mpl-data" / "fonts" / "ttf") as folder:
        for style, name in _FONTS.items():
            pdf.add_font(_FAMILY, style, folder / name)
        pdf.set_text_shaping(True)  # joins Arabic letters, and orders what is written from right to left
        try:
            _write(pdf, title, facts, picture, notice)
            return bytes(pdf.output())
        finally:
            for font in pdf.fonts.values():
                font.close()


def _write(pdf: FPDF, title: str, facts: Sequence[tuple[str, str]], picture: bytes | None, notice: str) -> None:
    pdf.set_margins(_MARGIN, _MARGIN)
    pdf.set_auto_page_break(True, _MARGIN)
    pdf.add_page()
    _line(pdf, title, "B", 15)
    if picture:
        pdf.image(io.BytesIO(picture), x=_MARGIN, y=pdf.get_y() + 2, h=_PICTURE_MM)
        pdf.set_y(pdf.get_y() + _PICTURE_MM + 6)
    for caption, text in facts:
        _line(pdf, caption, "B", 9)
        _line(pdf, text, "", 10)
        pdf.ln(1.5)
    _line(pdf, notice, "I", 8)


def _line(pdf: FPDF, text: str, style: str, size: float) -> None:
    """A paragraph over the whole width; control characters but line breaks become spaces."""
    plain = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
    pdf.set_font(_FAMILY, style, size)
    lacking = next((letter for letter in plain if letter != "\n" and ord(letter) not in pdf.current_font.cmap), None)
    if lacking:
        raise CxrError(f"a PDF made here cannot hold the letter {lacking!r}; save the report as HTML and print that")
    for paragraph in plain.split("\n"):
        side = Align.R if _is_right_to_left(paragraph) else Align.L
        pdf.multi_cell(0, None, paragraph, align=side, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _is_right_to_left(text: str) -> bool:
    """Whether the first letter that has a direction runs from right to left (Unicode's rule P2)."""
    directions = (unicodedata.bidirectional(letter) for letter in text)
    return next((kind for kind in directions if kind in ("L", "R", "AL")), "L") != "L"
