"""Reports from a folder: every .txt file is one report, every .xml file is read as what its root element says.

The order is fixed (folder by folder, by name), so that a run that was stopped can go on where it was. A MIMIC-CXR tree
(``p10/p10000032/s50414267.txt``) needs nothing special but its ids, which are the study ids.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from nlp_labeler.errors import LabelerError
from nlp_labeler.formats import text_file, xml_file
from nlp_labeler.formats.record import ReadOptions, RefusalCode, ReportRecord, refused

__all__ = ["read_folder", "report_files"]

REPORT_SUFFIXES = {".txt", ".xml"}


def report_files(folder: Path) -> Iterator[Path]:
    """The report files below a folder in a fixed order; hidden files and folders are left out."""
    for directory, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if Path(name).suffix.lower() in REPORT_SUFFIXES and not name.startswith("."):
                yield Path(directory, name)


def read_folder(folder: Path, options: ReadOptions) -> Iterator[ReportRecord]:
    """Stream the reports of a folder; a file that cannot be read is a refused record.

    Raises:
        LabelerError: if there is no .txt and no .xml file in it.
    """
    empty = True
    for path in report_files(folder):
        empty = False
        name = path.relative_to(folder).as_posix()
        try:
            if path.suffix.lower() == ".txt":
                yield text_file.read_one(path, name, options)
            else:
                yield from xml_file.read(path, options)
        except LabelerError as error:
            message = str(error).removeprefix(f"{path}: ")
            yield refused(RefusalCode.MALFORMED, f"{name}: {message}", path.stem)
        except OSError as error:
            yield refused(RefusalCode.UNREADABLE, f"{name}: {error.strerror}", path.stem)
    if empty:
        raise LabelerError(f"{folder}: holds no .txt and no .xml report")
