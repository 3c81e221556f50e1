"""Label files: CSV, JSON Lines with evidence, Parquet and BioC, each made of parts that are joined at the end.

A part holds the rows of one chunk of reports and can be written by any process; joining parts is cheap and streams.
"""

import csv
import io
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from nlp_labeler.aggregate import COLUMNS
from nlp_labeler.document import ReportLabels, Span, Status
from nlp_labeler.errors import LabelerError
from nlp_labeler.formats.bioc_xml import BIOC_FOOTER, BIOC_HEADER, bioc_document
from nlp_labeler.formats.parquet_table import load_pyarrow
from nlp_labeler.formats.record import ReportRecord

__all__ = ["TABLE_COLUMNS", "LabeledReport", "OutputFormat", "output_format"]

TABLE_COLUMNS = ("id", *COLUMNS, "status", "coverage")
"""Columns of a table of labels under the shipped label space.

1 affirmed, 0 negated, -1 uncertain, empty where not mentioned; coverage in [0, 1].
"""


@dataclass(frozen=True, slots=True)
class LabeledReport:
    """One row of an output.

    Attributes:
        record: the report as read.
        result: its labels; ``None`` where it was refused.
    """

    record: ReportRecord
    result: ReportLabels | None

    @property
    def status(self) -> str:
        """``"ok"``, why there was nothing to label (``"no labeled section"``, ...), or the refusal."""
        return self.result.status if self.result else str(self.record.refusal)

    @property
    def reason(self) -> str | None:
        """Why it was refused or not labeled, without particulars; ``None`` where it was labeled."""
        if self.result is not None:
            return None if self.result.status is Status.OK else self.result.status
        return self.record.refusal.code if self.record.refusal else None

    def values(self, columns: Sequence[str]) -> dict[str, int | None]:
        """The label of every column; all ``None`` where it was refused."""
        return {name: self.result.labels[name] if self.result else None for name in columns}


class OutputFormat(Protocol):
    """How labeled reports become a file."""

    def encode(self, rows: Sequence[LabeledReport]) -> bytes:
        """One part: the rows of one chunk."""

    def join(self, parts: Iterable[Path], stream: BinaryIO) -> None:
        """Write the whole file from its parts, in order."""


@dataclass(frozen=True, slots=True)
class TextOutput:
    """A format whose file is its parts one after the other between a header and a footer."""

    lines: Callable[[Sequence[LabeledReport]], str]
    header: str = ""
    footer: str = ""

    def encode(self, rows: Sequence[LabeledReport]) -> bytes:
        """One part: the rows of one chunk, in UTF-8."""
        return self.lines(rows).encode()

    def join(self, parts: Iterable[Path], stream: BinaryIO) -> None:
        """Write header, parts and footer."""
        stream.write(self.header.encode())
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, stream)
        stream.write(self.footer.encode())


class ParquetOutput:
    """Parquet, one row group a part.

    Raises:
        MissingExtraError: if pyarrow is not installed.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        pa = load_pyarrow()
        labels = [(name, pa.int8()) for name in columns]
        self._pa, self._columns = pa, columns
        self._schema = pa.schema([("id", pa.string()), *labels, ("status", pa.string()), ("coverage", pa.float32())])

    def encode(self, rows: Sequence[LabeledReport]) -> bytes:
        """One part: a Parquet file of the rows of one chunk."""
        records = [dict(zip(self._schema.names, table_row(row, self._columns), strict=True)) for row in rows]
        buffer = io.BytesIO()
        self._pa.parquet.write_table(self._pa.Table.from_pylist(records, self._schema), buffer)
        return buffer.getvalue()

    def join(self, parts: Iterable[Path], stream: BinaryIO) -> None:
        """Write the row groups of all parts into one file."""
        with self._pa.parquet.ParquetWriter(stream, self._schema) as writer:
            for part in parts:
                writer.write_table(self._pa.parquet.read_table(part))


def table_row(row: LabeledReport, columns: Sequence[str]) -> list[Any]:
    """The cells of one row in the order of the columns."""
    return [row.record.id, *row.values(columns).values(), row.status, row.result.coverage if row.result else None]


def csv_lines(columns: Sequence[str], rows: Iterable[LabeledReport]) -> str:
    """Rows as CSV; empty cells where a finding is not mentioned."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(table_row(row, columns) for row in rows)
    return buffer.getvalue()


def json_lines(columns: Sequence[str], rows: Iterable[LabeledReport]) -> str:
    """Rows as JSON Lines: labels, and every mention with the sentence, span, assertion and rule behind it."""
    lines: list[str] = []
    for row in rows:
        result = row.result
        content = {
            "id": row.record.id,
            "status": row.status,
            "labels": row.values(columns),
            "coverage": result.coverage if result else None,
            "mentions": [asdict(mention) for mention in result.mentions] if result else [],
            "unexplained": [unexplained_passage(result, span) for span in result.unexplained] if result else [],
        }
        lines.append(json.dumps(content, ensure_ascii=False) + "\n")
    return "".join(lines)


def unexplained_passage(result: ReportLabels, span: Span) -> dict[str, Any]:
    """A passage that was not understood, with its words."""
    return {"start": span.start, "end": span.end, "text": result.text[span.start : span.end]}


def bioc_documents(rows: Iterable[LabeledReport]) -> str:
    """Rows as BioC documents."""
    return "".join(bioc_document(row.record, row.result) for row in rows)


FORMATS: dict[str, Callable[[Sequence[str]], OutputFormat]] = {
    ".csv": lambda columns: TextOutput(partial(csv_lines, columns), header=f"id,{','.join(columns)},status,coverage\n"),
    ".jsonl": lambda columns: TextOutput(partial(json_lines, columns)),
    ".parquet": ParquetOutput,
    ".xml": lambda _: TextOutput(bioc_documents, header=BIOC_HEADER, footer=BIOC_FOOTER),
}


def output_format(path: Path, columns: Sequence[str] = COLUMNS) -> OutputFormat:
    """The format of an output file, by its suffix, for the label columns it is to have.

    Raises:
        LabelerError: if the suffix is none of ``.csv``, ``.jsonl``, ``.parquet``, ``.xml``.
        MissingExtraError: if it is ``.parquet`` and pyarrow is not installed.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise LabelerError(f"{path}: cannot write '{suffix}'; written are {sorted(FORMATS)}")
    return FORMATS[suffix](columns)
