"""The signed report as a PDF of one or two pages."""

import io
from collections.abc import Sequence

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from cxr.errors import CxrError

__all__ = ["signed_pdf"]

_MARGIN, _PICTURE_MM = 18.0, 78.0
# The built-in fonts know Latin-1; typographic signs have plain forms.
_PLAIN = {0x2013: "-", 0x2264: "<=", 0x2192: "->", 0x2019: "'", 0x2026: "..."}


def signed_pdf(title: str, facts: Sequence[tuple[str, str]], picture: bytes | None, notice: str) -> bytes:
    """Write the PDF.

    Args:
        title: heading.
        facts: (caption, text) pairs in their order.
        picture: PNG of the radiograph, or ``None``.
        notice: what stands under it all.

    Raises:
        CxrError: if a text holds letters that the PDF's built-in fonts have not: nothing signed may be lost.
    """
    pdf = FPDF(format="A4")
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
    return bytes(pdf.output())


def _line(pdf: FPDF, text: str, style: str, size: float) -> None:
    plain = text.translate(_PLAIN)
    try:
        plain.encode("latin-1")
    except UnicodeEncodeError as error:
        letter = plain[error.start]
        raise CxrError(
            f"a PDF made here cannot hold the letter {letter!r}; save the report as HTML and print that"
        ) from error
    pdf.set_font("helvetica", style, size)
    pdf.multi_cell(0, None, plain, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
