"""Reports from JSON Lines: one object a line with ``id`` and either ``text`` or ``findings``, ``impression``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from nlp_labeler.errors import LabelerError
from nlp_labeler.formats.record import (
    MAX_REPORT_CHARACTERS,
    ReadOptions,
    RefusalCode,
    ReportRecord,
    record_from_fields,
    refused,
    text_columns,
)

__all__ = ["SUFFIXES", "read"]

SUFFIXES = frozenset({".jsonl", ".ndjson"})

LONGEST_LINE = 8 * MAX_REPORT_CHARACTERS


def read(path: Path, options: ReadOptions) -> Iterator[ReportRecord]:
    """Stream the reports of a JSON Lines file; other keys are ignored, lines that are no such object refused."""
    with path.open("rb") as stream:
        for number, line in enumerate(bounded_lines(stream), start=1):
            where = f"line {number}"
            if line is None:
                yield refused(RefusalCode.TOO_LONG, f"{where} holds more than {LONGEST_LINE:,} bytes")
            elif line.strip():
                yield read_line(where, line, options)


def bounded_lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """Lines of a binary stream; ``None`` in place of one that is too long to be held."""
    while line := stream.readline(LONGEST_LINE):
        if len(line) < LONGEST_LINE or line.endswith(b"\n"):
            yield line
            continue
        while (rest := stream.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
            pass
        yield None


def read_line(where: str, line: bytes, options: ReadOptions) -> ReportRecord:
    """The record of one line."""
    try:
        fields = json.loads(line.decode(options.encoding or "utf-8-sig"))
    except UnicodeDecodeError:
        return refused(RefusalCode.UNDECODABLE, f"{where} holds bytes that are not UTF-8")
    except (ValueError, RecursionError):
        return refused(RefusalCode.MALFORMED, f"{where} is not JSON")
    if not isinstance(fields, dict):
        return refused(RefusalCode.MALFORMED, f"{where} is a JSON {type(fields).__name__}, not an object")
    try:
        id_column, columns = text_columns(fields, where, options.columns)
    except LabelerError:
        has_id = any(key.strip().casefold() == "id" for key in fields)
        code = RefusalCode.MISSING_TEXT if has_id else RefusalCode.MISSING_ID
        identifier = next((value for key, value in fields.items() if key.strip().casefold() == "id"), "")
        return refused(code, f"{where} needs 'id' and either 'text' or 'findings', 'impression'", str(identifier))
    return record_from_fields(where, fields, id_column, columns)
