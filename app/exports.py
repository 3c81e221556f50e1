"""Files that a reader saves: a signed report as DICOM SR, PDF or HTML, and all signed cases as labels."""

import base64
import io

import pydicom

from app.presenters.rendering import data_address, render
from app.signed_pdf import signed_pdf
from app.texts import Texts
from cxr.errors import CxrError
from cxr.outputs.words import finding_title
from cxr.screening import ScreeningResult
from cxr.worklist import Case, Decision, Worklist
from cxr.worklist.pictures import HEADER, OVERLAY, PICTURE
from cxr.worklist.reader_labels import reader_labels

__all__ = ["export_file"]

_ORGANIZATION = "not stated"


def export_file(worklist: Worklist, owner: str, kind: str, case_id: str, texts: Texts) -> dict[str, str]:
    """One file to save.

    Args:
        worklist: where it is taken from.
        owner: whose cases.
        kind: ``sr``, ``pdf``, ``html`` or ``overrules``.
        case_id: of a signed case; empty for ``overrules``.
        texts: words of the page.

    Returns:
        ``name`` (without any patient data), media ``type`` and base64 ``content``.

    Raises:
        CxrError: if the case is not the viewer's, is not signed, or cannot be written so.
    """
    if kind == "overrules":
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
    raise CxrError(f"no export {kind[:20]!r}; there are sr, pdf, html and overrules")


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
    verdicts = [
        f"{finding_title(f.name)}: {texts('signed.present' if decision.verdicts[f.name] else 'signed.absent')}"
        + ("" if decision.verdicts[f.name] == f.positive else f" ({texts('findings.overrule').lower()})")
        for f in sorted(result.findings, key=lambda f: (not decision.verdicts[f.name], -f.probability))
    ]
    subject = case.subject
    who = " · ".join(part for part in (subject.patient, subject.sex, subject.view) if part)
    facts = [
        (texts("signed.patient"), who),
        (texts("signed.study"), subject.study_date or ""),
        (texts("signed.file"), case.name),
        (texts("signed.findings"), "; ".join(verdicts) + "."),
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
