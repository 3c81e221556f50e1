"""Reports from a folder: every .txt file is one report, every .xml file is read as what its root element says.

The order is fixed (folder by folder, by name), so that a run that was stopped can go on where it was. A MIMIC-CXR tree
(``p10/p10000032/s50414267.txt``) needs nothing special but its ids, which are the study ids.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from nlp_labeler.errors import LabelerError
from nlp_labeler.formats.bioc_xml import BIOC_ROOT, read_bioc
from nlp_labeler.formats.openi_xml import OPENI_ROOT, read_openi
from nlp_labeler.formats.record import (
    MAX_REPORT_CHARACTERS,
    RefusalCode,
    ReportRecord,
    record_from_text,
    refused,
)
from nlp_labeler.formats.safe_xml import root_tag

__all__ = ["read_folder", "read_text_file", "read_xml", "report_files"]

SUFFIXES = {".txt", ".xml"}
MIMIC_REPORT = re.compile(r"(?:^|/)p\d{8}/(?P<study>s\d+)\.txt$")


def report_files(folder: Path) -> Iterator[Path]:
    """The report files below a folder in a fixed order; hidden files and folders are left out."""
    for directory, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith("."):
                yield Path(directory, name)


def read_folder(folder: Path) -> Iterator[ReportRecord]:
    """Stream the reports of a folder; a file that cannot be read is a refused record.

    Raises:
        LabelerError: if there is no .txt and no .xml file in it.
    """
    empty = True
    for path in report_files(folder):
        empty = False
        name = path.relative_to(folder).as_posix()
        try:
            yield from [read_text_file(path, name)] if path.suffix.lower() == ".txt" else read_xml(path)
        except LabelerError as error:
            message = str(error).removeprefix(f"{path}: ")
            yield refused(RefusalCode.MALFORMED, f"{name}: {message}", path.stem)
        except OSError as error:
            yield refused(RefusalCode.UNREADABLE, f"{name}: {error.strerror}", path.stem)
    if empty:
        raise LabelerError(f"{folder}: holds no .txt and no .xml report")


def read_text_file(path: Path, name: str) -> ReportRecord:
    """The report of one text file.

    Args:
        path: the file.
        name: its path below the folder that is read; without the suffix it is the id, unless it is a MIMIC-CXR study.

    Raises:
        OSError: if the file cannot be read.
    """
    study = MIMIC_REPORT.search(path.as_posix())
    identifier = study["study"] if study else name.removesuffix(Path(name).suffix)
    with path.open("rb") as stream:
        content = stream.read(4 * MAX_REPORT_CHARACTERS + 1)
    return record_from_text(name, identifier, content.decode("utf-8-sig", "surrogateescape"))


def read_xml(path: Path) -> Iterator[ReportRecord]:
    """Stream the reports of one XML file, BioC or OpenI.

    Raises:
        LabelerError: if it is neither, not well-formed, or declares entities.
        OSError: if the file cannot be read.
    """
    readers = {BIOC_ROOT: read_bioc, OPENI_ROOT: read_openi}
    root = root_tag(path)
    if root not in readers:
        raise LabelerError(
            f"{path}: root element is <{root}>; read are <{BIOC_ROOT}> (BioC) and <{OPENI_ROOT}> (OpenI)"
        )
    yield from readers[root](path)
