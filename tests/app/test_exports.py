"""What a reader saves holds what was signed, letter by letter, in the scripts of the world that the font has."""

import base64
import csv
import io
import re
import zlib

import pytest

from cxr.errors import CxrError

pytest.importorskip("fpdf", reason="the triage page needs the 'app' extra")


def letters_of(document: bytes) -> set[str]:
    """All letters that the fonts of a PDF give back when their text is copied (ToUnicode maps)."""
    maps = re.findall(rb"beginbfchar(.*?)endbfchar", document, re.DOTALL)
    return {chr(int(code, 16)) for part in maps for code in re.findall(rb"<[0-9A-F]{4}> <([0-9A-F]{4})>", part)}


@pytest.mark.parametrize("name", ["Ł. Żółć", "Δρ. Παπαδοπούλου", "Дюк Иванишвили", "ד״ר כהן", "naïve ≤ 5 mm → better"])
def test_names_and_comments_of_other_scripts_stay(name):
    from app.exports import signed_pdf

    document = signed_pdf("Signed report", [("Reader", name), ("Comment", "two\nlines")], None, "Research use only")
    assert document.startswith(b"%PDF")
    assert set(name) - {" "} <= letters_of(document)


def test_letters_that_the_font_has_not_are_refused_rather_than_lost():
    from app.exports import signed_pdf

    with pytest.raises(CxrError, match="letter '李'; save the report as HTML"):
        signed_pdf("Signed report", [("Reader", "李医生")], None, "Research use only")


def test_control_characters_do_not_stop_a_report():
    from app.exports import signed_pdf

    assert signed_pdf("Signed report", [("Comment", "a\x00b\tc")], None, "").startswith(b"%PDF")


def test_what_runs_from_right_to_left_stands_at_the_right_margin():
    from app.exports import signed_pdf

    def starts(text):
        """x of the first letter of the comment, in points."""
        page = signed_pdf("t", [("Comment", text)], None, "")
        streams = [zlib.decompress(part) for part in re.findall(rb"stream\n(.*?)\nendstream", page, re.DOTALL)[:1]]
        return [float(x) for x in re.findall(rb"([\d.]+) [\d.]+ Td", streams[0])]

    assert max(starts("short")) < 100
    for text in ("قصير", "קצר", "12. קצר"):
        assert max(starts(text)) > 400


@pytest.fixture
def signed(tiny_bundle, image_folder, tmp_path):
    """An open worklist of Ann's, one effusion signed and commented, one image unsigned; their ids."""
    from cxr.screening import Screener
    from cxr.worklist import Subject, Worklist

    screener = Screener(tiny_bundle, threads=1)
    with Worklist(tmp_path / "data", screener, threads=1) as worklist:
        ids = [
            worklist.queue.add("ann", f"{name}.png", image_folder / f"{name}.png", claimed=True)
            for name in ("effusion", "healthy")
        ]
        for case_id in ids:
            file = image_folder / worklist.cases.get("ann", case_id).name
            subject = Subject("7", "2026-01-01", "F", 50.0, "PA", "DICOM")
            worklist.queue.finish(
                case_id, screener.screen(file), subject, size=(400, 320), pictures={}, certificate_sha256="seal"
            )
        verdicts = {"Nodule": True, "Effusion": False}
        worklist.sign("ann", ids[0], reader="Dr. Ann", verdicts=verdicts, comment="<b>see CT</b>", seen=0)
        yield worklist, *ids


def export(worklist, kind, case_id):
    from app.exports import export_file
    from app.rendering import Texts

    file = export_file(worklist, "ann", kind, case_id, Texts())
    return file["name"], file["type"], base64.b64decode(file["content"])


def test_each_kind_is_the_file_that_it_says_it_is(signed):
    worklist, case_id, _ = signed
    name, kind, content = export(worklist, "pdf", case_id)
    assert (name, kind, content[:4]) == (f"report-{case_id}.pdf", "application/pdf", b"%PDF")
    name, kind, content = export(worklist, "html", case_id)
    page = content.decode()
    assert (name, kind) == (f"report-{case_id}.html", "text/html")
    assert "Nodule: present (overruled); Effusion: absent (overruled)." in page
    assert "Nothing is stated about the other findings." in page
    assert "&lt;b&gt;see CT&lt;/b&gt;" in page
    assert "Signed by Dr. Ann, 20" in page
    assert "2026-01-01" in page
    name, kind, content = export(worklist, "labels", "")
    [row] = csv.DictReader(io.StringIO(content.decode()))
    assert (name, kind) == ("reader_labels.csv", "text/csv")
    assert (row["id"], row["Nodule"], row["Effusion"], row["Cardiomegaly"]) == (case_id, "1", "0", "")


def test_what_cannot_be_saved_is_said(signed):
    worklist, case_id, unsigned = signed
    with pytest.raises(CxrError, match="no DICOM file"):
        export(worklist, "sr", case_id)
    with pytest.raises(CxrError, match="no export 'docx'; there are sr, pdf, html and labels"):
        export(worklist, "docx", case_id)
    with pytest.raises(CxrError, match="sign the case first"):
        export(worklist, "pdf", unsigned)
