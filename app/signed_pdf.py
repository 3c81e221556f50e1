"""The signed report as a PDF of one or two pages."""

import io
from collections.abc import Sequence
from importlib.resources import as_file, files

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from cxr.errors import CxrError

__all__ = ["signed_pdf"]

_MARGIN, _PICTURE_MM = 18.0, 78.0
# DejaVu Sans as matplotlib ships it: Latin, Greek, Cyrillic, Arabic, Hebrew. The PDF carries the letters it uses.
_FAMILY, _FONTS = "dejavu", {"": "DejaVuSans.ttf", "B": "DejaVuSans-Bold.ttf", "I": "DejaVuSans-Oblique.ttf"}


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
    pdf.multi_cell(0, None, plain, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
