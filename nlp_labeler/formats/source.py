"""What kind of report source a path is, and the reader for it.

Every module of this folder that has ``SUFFIXES`` and ``read(path, options)`` reads the files with these suffixes: a
new kind of source is one new module.
"""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import nlp_labeler.formats as formats
from nlp_labeler.errors import LabelerError
from nlp_labeler.formats.folder import read_folder
from nlp_labeler.formats.record import ReadOptions, RefusalCode, ReportRecord, refused

__all__ = ["read_reports", "source_kind"]

FOLDER = "folder"
MAGIC = {b"PAR1": "parquet_table"}


class Reader(Protocol):
    """A module that reads one kind of source."""

    SUFFIXES: frozenset[str]

    def read(self, path: Path, options: ReadOptions) -> Iterator[ReportRecord]:
        """Stream the reports of a file."""


def readers() -> dict[str, Reader]:
    """The readers of files, by the name of their module."""
    modules = {
        info.name: import_module(f"{formats.__name__}.{info.name}") for info in pkgutil.iter_modules(formats.__path__)
    }
    return {
        name: cast(Reader, module)
        for name, module in modules.items()
        if hasattr(module, "SUFFIXES") and hasattr(module, "read")
    }


def source_kind(path: Path) -> str:
    """Kind of a source: ``"folder"``, or the name of the module that reads it, e.g. ``"table"``.

    Parquet and XML are known by their first bytes, whatever the file is called; the rest by the suffix.

    Raises:
        LabelerError: if there is no such file or folder, or its kind is not known.
    """
    if path.is_dir():
        return FOLDER
    if not path.is_file():
        raise LabelerError(f"{path}: no such file or folder")
    try:
        with path.open("rb") as stream:
            start = stream.read(64)
    except OSError as error:
        raise LabelerError(f"{path}: cannot be read ({error.strerror})") from None
    for magic, name in MAGIC.items():
        if start.startswith(magic):
            return name
    suffix = path.suffix.lower()
    known = {suffix: name for name, reader in readers().items() for suffix in reader.SUFFIXES}
    if known.get(suffix) not in {"table", "text_file"} and start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(
        b"<"
    ):
        return "xml_file"
    if suffix not in known:
        raise LabelerError(
            f"{path}: unknown kind of report file '{suffix}'; read are {sorted(known)} and folders of .txt or .xml"
        )
    return known[suffix]


def read_reports(path: Path, options: ReadOptions | None = None) -> Iterator[ReportRecord]:
    """Stream the reports of any source that :func:`source_kind` knows.

    A file that breaks off after its first reports gives one refused record at its end, so that what was read is kept.

    Raises:
        LabelerError: if the source cannot be read at all.
        MissingExtraError: if a package is needed for it that is not installed.
    """
    kind = source_kind(path)
    read = read_folder if kind == FOLDER else readers()[kind].read
    return up_to_breakage(read(path, options or ReadOptions()), path)


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
