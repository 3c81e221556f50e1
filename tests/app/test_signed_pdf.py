"""What was signed stands in the PDF letter by letter, in the scripts of the world that the font has."""

import re

import pytest

from cxr.errors import CxrError

pytest.importorskip("fpdf", reason="the triage page needs the 'app' extra")


def letters_of(document: bytes) -> set[str]:
    """All letters that the fonts of a PDF give back when their text is copied (ToUnicode maps)."""
    maps = re.findall(rb"beginbfchar(.*?)endbfchar", document, re.DOTALL)
    return {chr(int(code, 16)) for part in maps for code in re.findall(rb"<[0-9A-F]{4}> <([0-9A-F]{4})>", part)}


@pytest.mark.parametrize("name", ["Ł. Żółć", "Δρ. Παπαδοπούλου", "Дюк Иванишвили", "ד״ר כהן", "naïve ≤ 5 mm → better"])
def test_names_and_comments_of_other_scripts_stay(name):
    from app.signed_pdf import signed_pdf

    document = signed_pdf("Signed report", [("Reader", name), ("Comment", "two\nlines")], None, "Research use only")
    assert document.startswith(b"%PDF")
    assert set(name) - {" "} <= letters_of(document)


def test_letters_that_the_font_has_not_are_refused_rather_than_lost():
    from app.signed_pdf import signed_pdf

    with pytest.raises(CxrError, match="letter '李'; save the report as HTML"):
        signed_pdf("Signed report", [("Reader", "李医生")], None, "Research use only")


def test_control_characters_do_not_stop_a_report():
    from app.signed_pdf import signed_pdf

    assert signed_pdf("Signed report", [("Comment", "a\x00b\tc")], None, "").startswith(b"%PDF")
