"""PATH... -> every input exactly once: files, folders (recursive, sorted) and zip archives.

What counts as an input:

- a path named by the user always does, whatever it is;
- in a folder, every file does except hidden ones, DICOMDIR and the companions that exports carry
  (:data:`COMPANION_SUFFIXES`); a file that is no image is thus reported as refused, not passed over;
- a zip archive stands for its members under the same rule. Nothing is unpacked to disk. An archive
  that tries to leave its folder, holds links or exceeds the limits is refused as a whole;
- a folder or archive without inputs is itself one refused input (``no_images``).
"""

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from cxr.errors import ConfigError, RefusalCode, RefusedInputError
from cxr.screening.archive import archive_members, read_member
from nlp_labeler.storage import bytes_sha256, file_sha256

__all__ = ["COMPANION_SUFFIXES", "ScreeningInput", "Shard", "files_in_folder", "find_inputs", "is_companion"]

COMPANION_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".json", ".jsonl", ".xml", ".md", ".html", ".log"})
_ARCHIVE_SUFFIX = ".zip"


@dataclass(frozen=True)
class ScreeningInput:
    """One input, not read yet.

    Attributes:
        name: the ``path`` of its result line.
        read: gives the file, or the bytes of an archive member, or raises
            :class:`~cxr.errors.RefusedInputError` where there is nothing to read. Call it before taking
            the next input: an archive is open only that long.
    """

    name: str
    read: Callable[[], Path | bytes]


@dataclass(frozen=True)
class Shard:
    """A part of all inputs, the same on every machine that names the inputs alike: one of ``count`` parts.

    Attributes:
        number: 1 to ``count``.
        count: how many parts there are.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read ``2/8``.

        Raises:
            ConfigError: if it is something else.
        """
        number, slash, count = text.partition("/")
        parsed = number.isdecimal() and count.isdecimal() and slash
        if not parsed or not 1 <= int(number) <= int(count):
            raise ConfigError(f"{text!r} is no shard; write NUMBER/COUNT, as 1/8 to 8/8")
        return cls(int(number), int(count))

    def holds(self, name: str) -> bool:
        """Whether an input belongs to the part: by a hash of its name, so that parts are of about one size."""
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number - 1


def is_companion(name: str) -> bool:
    """Whether a file found in a folder or archive is left out silently; see the module's rule."""
    path = Path(name)
    in_hidden = any(_is_hidden(part) for part in path.parts)
    return in_hidden or path.name.upper() == "DICOMDIR" or path.suffix.lower() in COMPANION_SUFFIXES


def _is_hidden(name: str) -> bool:
    """Dot files, and the folder that macOS adds to its archives."""
    return name.startswith(".") or name == "__MACOSX"


def find_inputs(
    paths: Iterable[Path],
    *,
    exclude: Path | None = None,
    done: Mapping[str, str | None] = MappingProxyType({}),
    shard: Shard | None = None,
) -> Iterator[ScreeningInput]:
    """Every input below ``paths``, lazily and in a fixed order, none of them twice.

    Args:
        paths: files, folders and archives as the user named them.
        exclude: a folder left out of the search: where the results go.
        done: name of each input that has its result already -> SHA-256 of what was screened; ``None`` if that could
            not be read. An input whose content is another one now is found again.
        shard: the part of the inputs that is wanted; all without it.
    """
    known = {_key(name): sha256 for name, sha256 in done.items()}
    seen: set[str] = set()
    for path in paths:
        for item in _find_in_folder(path, exclude) if path.is_dir() else _find_in_file(path):
            if shard is not None and not shard.holds(item.name):
                continue
            key = _key(item.name)
            if key in seen:
                continue
            seen.add(key)
            if key not in known or known[key] != _sha256(item):
                yield item


def files_in_folder(folder: Path, exclude: Path | None = None) -> Iterator[Path]:
    """Every file in a folder that counts as an input, sorted within each subfolder.

    Args:
        folder: searched with all its subfolders.
        exclude: a folder left out of the search.
    """
    excluded = exclude.resolve() if exclude is not None else None
    for here, subfolders, names in os.walk(folder):
        if Path(here).resolve() == excluded:
            subfolders.clear()
            continue
        subfolders[:] = sorted(name for name in subfolders if not _is_hidden(name))
        yield from (Path(here) / name for name in sorted(names) if not is_companion(name))


def _key(name: str) -> str:
    """A name that is the same however the user spelled the path."""
    return os.path.abspath(name)  # noqa: PTH100  (Path.resolve would follow links)


def _sha256(item: ScreeningInput) -> str | None:
    """Hash of an input's content now; ``None`` where it cannot be read."""
    try:
        source = item.read()
        return bytes_sha256(source) if isinstance(source, bytes) else file_sha256(source)
    except (RefusedInputError, OSError):
        return None


def _find_in_folder(folder: Path, exclude: Path | None) -> Iterator[ScreeningInput]:
    empty = True
    for file in files_in_folder(folder, exclude):
        empty = False
        yield from _find_in_file(file)
    if empty:
        yield _refused(folder, RefusalCode.NO_IMAGES, "the folder holds no image files")


def _find_in_file(path: Path) -> Iterator[ScreeningInput]:
    if not path.is_file():
        what = "does not exist" if not path.exists() else "is not a regular file"
        yield _refused(path, RefusalCode.UNREADABLE_FILE, f"the path {what}")
    elif path.suffix.lower() == _ARCHIVE_SUFFIX and path.stat().st_size:
        yield from _find_in_archive(path)
    else:
        yield ScreeningInput(_printable(path), partial(Path, path))


def _find_in_archive(path: Path) -> Iterator[ScreeningInput]:
    try:
        with zipfile.ZipFile(path) as archive:
            wanted = [entry for entry in archive_members(archive) if not is_companion(entry.filename)]
            if not wanted:
                yield _refused(path, RefusalCode.NO_IMAGES, "the archive holds no image files")
            for entry in wanted:
                yield ScreeningInput(f"{_printable(path)}!/{entry.filename}", partial(read_member, archive, entry))
    except RefusedInputError as error:
        yield _refused(path, error.code, error.message)
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError):
        yield _refused(path, RefusalCode.CORRUPT, "the archive cannot be read; zip it again")


def _printable(path: Path) -> str:
    """The path as text that any JSON reader takes, even where the file system's bytes are no UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _refused(path: Path, code: RefusalCode, message: str) -> ScreeningInput:
    return ScreeningInput(_printable(path), partial(_raise, RefusedInputError(code, message)))


def _raise(error: RefusedInputError) -> NoReturn:
    raise error
