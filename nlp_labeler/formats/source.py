"""What kind of report source a path is, and the reader for it."""

from collections.abc import Iterator
from pathlib import Path

from nlp_labeler.errors import LabelerError
from nlp_labeler.formats.csv_table import read_csv
from nlp_labeler.formats.folder import read_folder, read_text_file, read_xml
from nlp_labeler.formats.json_lines import read_json_lines
from nlp_labeler.formats.parquet_table import read_parquet
from nlp_labeler.formats.record import RefusalCode, ReportRecord, refused

__all__ = ["read_reports", "source_kind"]

SUFFIXES = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".txt": "text",
    ".xml": "xml",
}


def source_kind(path: Path) -> str:
    """Kind of a source: ``folder``, ``csv``, ``jsonl``, ``parquet``, ``text`` or ``xml``.

    Parquet and XML are known by their first bytes, whatever the file is called; the rest by the suffix.

    Raises:
        LabelerError: if there is no such file or folder, or its kind is not known.
    """
    if path.is_dir():
        return "folder"
    if not path.is_file():
        raise LabelerError(f"{path}: no such file or folder")
    try:
        with path.open("rb") as stream:
            start = stream.read(64)
    except OSError as error:
        raise LabelerError(f"{path}: cannot be read ({error.strerror})") from None
    if start.startswith(b"PAR1"):
        return "parquet"
    suffix = path.suffix.lower()
    if suffix not in {".csv", ".txt"} and start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return "xml"
    if suffix not in SUFFIXES:
        raise LabelerError(
            f"{path}: unknown kind of report file '{suffix}'; read are {sorted(SUFFIXES)} and folders of .txt or .xml"
        )
    return SUFFIXES[suffix]


def read_reports(path: Path) -> Iterator[ReportRecord]:
    """Stream the reports of any source that :func:`source_kind` knows.

    A file that breaks off after its first reports gives one refused record at its end, so that what was read is kept.

    Raises:
        LabelerError: if the source cannot be read at all.
        MissingExtraError: if it is Parquet and pyarrow is not installed.
    """
    readers = {
        "folder": read_folder,
        "csv": read_csv,
        "jsonl": read_json_lines,
        "parquet": read_parquet,
        "text": lambda file: iter([read_text_file(file, file.name)]),
        "xml": read_xml,
    }
    records = readers[source_kind(path)](path)
    return up_to_breakage(records, path)


def up_to_breakage(records: Iterator[ReportRecord], path: Path) -> Iterator[ReportRecord]:
    """The records; an error after the first one is told as a last, refused record."""
    some = False
    try:
        for record in records:
            some = True
            yield record
    except LabelerError as error:
        if not some:
            raise
        message = str(error).removeprefix(f"{path}: ")
        yield refused(RefusalCode.MALFORMED, f"the source breaks off: {message}")
