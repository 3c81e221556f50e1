"""Reports from a CSV file, by the standard library alone: the clinic's base install reads them.

Rows are read strictly: a row that breaks the CSV rules, or whose fields do not match the header, is refused rather than
guessed at, since a shifted column would label the wrong text.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from nlp_labeler.errors import LabelerError
from nlp_labeler.formats.record import (
    MAX_REPORT_CHARACTERS,
    RefusalCode,
    ReportRecord,
    record_from_fields,
    refused,
    text_columns,
)

__all__ = ["read_csv"]

LONGEST_FIELD = 8 * MAX_REPORT_CHARACTERS
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_csv(path: Path) -> Iterator[ReportRecord]:
    """Stream the reports of a UTF-8 CSV file with columns ``id`` and either ``text`` or ``findings``, ``impression``.

    Raises:
        LabelerError: if the file is empty, UTF-16, or lacks these columns.
    """
    # The limit is one number for the whole process; it is only ever raised, and stays far below what memory holds.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_FIELD))
    with path.open("rb") as raw:
        if raw.read(2) in UTF16_MARKS:
            raise LabelerError(f"{path}: is UTF-16; save it as 'CSV UTF-8'")
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        yield from records(csv.reader(bounded_lines(stream), strict=True), path)


def bounded_lines(stream: TextIO) -> Iterator[str]:
    """Lines of a text stream, cut where one is too long to be a row, so that memory stays bounded."""
    while line := stream.readline(LONGEST_FIELD):
        yield line


def records(rows: Iterator[list[str]], path: Path) -> Iterator[ReportRecord]:
    """The records of parsed rows, the header first."""
    try:
        header = next(rows)
    except StopIteration:
        raise LabelerError(f"{path}: is empty; a header with 'id' and 'text' is needed") from None
    except csv.Error as error:
        raise LabelerError(f"{path}: the header is not CSV ({error})") from None
    id_column, columns = text_columns(header, str(path))
    number = 1
    while True:
        number += 1
        where = f"row {number}"
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            too_long = "field limit" in str(error)
            yield refused(RefusalCode.TOO_LONG if too_long else RefusalCode.MALFORMED, f"{where}: {error}")
            continue
        if not row:  # a blank line is no row
            continue
        fields = dict(zip(header, row, strict=False))
        if len(row) < len(header) or any(row[len(header) :]):
            found = f"{where} has {len(row)} fields, the header {len(header)}"
            yield refused(RefusalCode.MALFORMED, found, fields.get(id_column, ""))
        else:
            yield record_from_fields(where, fields, id_column, columns)
