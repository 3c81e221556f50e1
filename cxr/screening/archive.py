"""Zip archives from outside: nothing is written to disk, and a hostile archive is refused as a whole."""

import stat
import zipfile
import zlib
from pathlib import PurePosixPath

from cxr.errors import RefusalCode, RefusedInputError

__all__ = ["MAX_MEMBERS", "MAX_MEMBER_BYTES", "MAX_TOTAL_BYTES", "archive_members", "read_member"]

MAX_MEMBERS = 100_000
MAX_MEMBER_BYTES = 256 * 2**20
MAX_TOTAL_BYTES = 32 * 2**30
_ENCRYPTED = 0x1


def archive_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The archive's files in their order, after every entry has been found harmless.

    Raises:
        RefusedInputError: ``unsafe_archive`` if an entry has a path outside the archive, is a link or is
            encrypted, or the archive exceeds the limits of this module.
    """
    entries = archive.infolist()
    if len(entries) > MAX_MEMBERS:
        raise _unsafe(f"it has {len(entries)} entries, allowed are {MAX_MEMBERS}; split it")
    total = sum(entry.file_size for entry in entries)
    if total > MAX_TOTAL_BYTES:
        raise _unsafe(f"it unpacks to {total} bytes, allowed are {MAX_TOTAL_BYTES}; split it")
    for entry in entries:
        _check_entry(entry)
    return [entry for entry in entries if not entry.is_dir()]


def read_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """One member's bytes, never more than :data:`MAX_MEMBER_BYTES` whatever its header says.

    Raises:
        RefusedInputError: ``too_large`` or ``corrupt``.
    """
    try:
        with archive.open(entry) as stream:
            content = stream.read(MAX_MEMBER_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise RefusedInputError(RefusalCode.CORRUPT, "the archive member cannot be unpacked; zip it again") from error
    if len(content) > MAX_MEMBER_BYTES:
        raise RefusedInputError(
            RefusalCode.TOO_LARGE, f"the archive member unpacks to more than {MAX_MEMBER_BYTES} bytes"
        )
    return content


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.orig_filename
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name.partition("/")[0] or "\0" in name:
        raise _unsafe("an entry has a path that leads outside it")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _unsafe("an entry is a link or a device")
    if entry.flag_bits & _ENCRYPTED:
        raise _unsafe("an entry is encrypted; unpack it first")


def _unsafe(reason: str) -> RefusedInputError:
    return RefusedInputError(RefusalCode.UNSAFE_ARCHIVE, f"the archive was not opened: {reason}")
