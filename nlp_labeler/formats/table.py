"""Tables of reports as people export them: CSV with comma, semicolon, tab or bar, in UTF-8 or UTF-16; Excel's .xlsx.

Rows are read strictly: a row that breaks the CSV rules, or whose fields do not match the header, is refused rather than
guessed at, since a shifted column would label the wrong text.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TextIO
from zipfile import BadZipFile

from nlp_labeler.errors import LabelerError, MissingExtraError
from nlp_labeler.formats.record import (
    MAX_REPORT_CHARACTERS,
    ReadOptions,
    RefusalCode,
    ReportRecord,
    record_from_fields,
    refused,
    text_columns,
)

__all__ = ["SUFFIXES", "Table", "TableRow", "open_table", "read", "text_encoding"]

SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".xlsx"})
LONGEST_FIELD = 8 * MAX_REPORT_CHARACTERS
DELIMITERS = (",", ";", "\t", "|")
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
_START = 4096
_MOSTLY = 0.9


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table.

    Attributes:
        where: its place, for messages: ``"row 17"``.
        cells: its cells by column.
        fault: why it cannot be read, or ``None``.
        too_long: whether the fault is its length.
    """

    where: str
    cells: dict[str, str]
    fault: str | None = None
    too_long: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is being read.

    Attributes:
        header: names of its columns.
        rows: its rows, once.
    """

    header: tuple[str, ...]
    rows: Iterator[TableRow]


def open_table(path: Path, encoding: str | None = None) -> Table:
    """A table, its header read.

    Args:
        path: a .xlsx file, of which the first sheet is read, or a text file of delimited columns.
        encoding: of a text file that is neither UTF-8 nor UTF-16.

    Raises:
        LabelerError: if it is empty or no table.
        MissingExtraError: if it is .xlsx and openpyxl is not installed.
    """
    rows = _xlsx_rows(path) if path.suffix.lower() == ".xlsx" else _text_rows(path, encoding)
    first = next(rows, None)
    if first is None:
        raise LabelerError(f"{path}: is empty; a header with 'id' and 'text' is needed")
    if isinstance(first, csv.Error):
        raise LabelerError(f"{path}: the header is not CSV ({first})")
    header = tuple(name.removeprefix("\ufeff") for name in first)
    return Table(header, _numbered(header, rows))


def read(path: Path, options: ReadOptions) -> Iterator[ReportRecord]:
    """Stream the reports of a table with columns ``id`` and either ``text`` or ``findings``, ``impression``.

    Raises:
        LabelerError: if it is no table or lacks these columns.
        MissingExtraError: if it is .xlsx and openpyxl is not installed.
    """
    table = open_table(path, options.encoding)
    id_column, columns = text_columns(table.header, str(path), options.columns)
    for row in table.rows:
        if row.fault is not None:
            code = RefusalCode.TOO_LONG if row.too_long else RefusalCode.MALFORMED
            yield refused(code, f"{row.where} {row.fault}", row.cells.get(id_column, ""))
        else:
            yield record_from_fields(row.where, row.cells, id_column, columns)


def _numbered(header: tuple[str, ...], rows: "Iterator[list[str] | csv.Error]") -> Iterator[TableRow]:
    for number, row in enumerate(rows, start=2):
        where = f"row {number}"
        if isinstance(row, csv.Error):
            yield TableRow(where, {}, f"is not CSV ({row})", "field limit" in str(row))
        elif row:  # a blank line is no row
            cells = dict(zip(header, row, strict=False))
            fits = len(row) >= len(header) and not any(row[len(header) :])
            yield TableRow(where, cells, None if fits else f"has {len(row)} fields, the header {len(header)}")


def _text_rows(path: Path, encoding: str | None) -> "Iterator[list[str] | csv.Error]":
    # The limit is one number for the whole process; it is only ever raised, and stays far below what memory holds.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_FIELD))
    with path.open("rb") as raw:
        start = raw.read(_START)
    with path.open(encoding=encoding or _table_encoding(start, path), errors="surrogateescape", newline="") as stream:
        lines = _bounded_lines(stream)
        first = next(lines, "")
        if first.lower().startswith("sep=") and len(first.strip()) == len("sep=") + 1:  # Excel's own hint
            delimiter = first.strip()[-1]
        else:
            delimiter = max(DELIMITERS, key=lambda mark: len(next(csv.reader([first], delimiter=mark), [])))
            lines = chain([first] if first else [], lines)
        rows = csv.reader(lines, delimiter=delimiter, strict=True)
        while True:
            try:
                yield next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield error


def text_encoding(start: bytes) -> str:
    """UTF-8 or UTF-16, as the first bytes of a text tell."""
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return encoding
    for encoding, odd in (("utf-16-le", 1), ("utf-16-be", 0)):  # without its mark: every other byte of ASCII is zero
        if start[odd::2].count(0) > _MOSTLY * max(1, len(start[odd::2])):
            return encoding
    return "utf-8"


def _table_encoding(start: bytes, path: Path) -> str:
    encoding = text_encoding(start)
    if encoding == "utf-8" and start.count(0) > len(start) * (1 - _MOSTLY):
        raise LabelerError(f"{path}: is not a text; save the table as 'CSV UTF-8'")
    return encoding


def _bounded_lines(stream: TextIO) -> Iterator[str]:
    """Lines of a text stream, cut where one is too long to be a row, so that memory stays bounded."""
    while line := stream.readline(LONGEST_FIELD):
        yield line


def _xlsx_rows(path: Path) -> "Iterator[list[str] | csv.Error]":
    try:
        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError:
        raise MissingExtraError("reading .xlsx", "label") from None
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError, ValueError) as error:
        raise LabelerError(f"{path}: cannot be read as .xlsx ({type(error).__name__})") from None
    try:
        for cells in book.worksheets[0].iter_rows(values_only=True):
            row = ["" if cell is None else str(cell) for cell in cells]
            yield row if any(row) else []
    finally:
        book.close()
