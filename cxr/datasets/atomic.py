"""Tables that are either old or new after a crash, never half written."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from nlp_labeler.atomic import atomic_writer

__all__ = ["write_rows", "write_text"]


def write_text(path: Path, content: str) -> None:
    """Write a text file as UTF-8."""
    with atomic_writer(path) as stream:
        stream.write(content.encode())


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV table."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, table.getvalue())
