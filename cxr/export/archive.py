"""A bundle folder as one zip archive, the same bytes for the same files."""

import zipfile
from pathlib import Path

from nlp_labeler.storage import atomic_writer

__all__ = ["ARCHIVE_SUFFIX", "write_archive"]

ARCHIVE_SUFFIX = ".zip"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that zip can name
_READABLE = 0o644 << 16


def write_archive(folder: Path, out: Path) -> None:
    """Zip every file of a folder, atomically, in the order of the names and without times.

    Args:
        folder: a sealed bundle.
        out: the archive to write or replace.
    """
    with atomic_writer(out) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, _READABLE
            archive.writestr(entry, path.read_bytes())
