"""One report as a text file."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from nlp_labeler.formats.record import MAX_REPORT_CHARACTERS, ReadOptions, ReportRecord, record_from_text
from nlp_labeler.formats.table import text_encoding

__all__ = ["SUFFIXES", "read", "read_one"]

SUFFIXES = frozenset({".txt"})
MIMIC_REPORT = re.compile(r"(?:^|/)(?P<subject>p\d{8})/(?P<study>s\d+)\.txt$")


def read(path: Path, options: ReadOptions) -> Iterator[ReportRecord]:
    """The one report of a text file.

    Raises:
        OSError: if the file cannot be read.
    """
    yield read_one(path, path.name, options)


def read_one(path: Path, name: str, options: ReadOptions) -> ReportRecord:
    """The report of one text file.

    Args:
        path: the file.
        name: its path below the folder that is read; without the suffix it is the id, unless it is a MIMIC-CXR study.
        options: how it is to be read.

    Raises:
        OSError: if the file cannot be read.
    """
    study = MIMIC_REPORT.search(path.as_posix())
    identifier = study["study"] if study else name.removesuffix(Path(name).suffix)
    with path.open("rb") as stream:
        content = stream.read(4 * MAX_REPORT_CHARACTERS + 1)
    record = record_from_text(
        name, identifier, content.decode(options.encoding or text_encoding(content), "surrogateescape")
    )
    return replace(record, cells={"subject_id": study["subject"]}) if study else record
