"""Where a bundle's files are read from: a folder, or a zip archive of one, which is never unpacked to disk."""

import zipfile
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from cxr.errors import BundleError, RefusedInputError
from cxr.screening.archive import archive_members, read_member
from cxr.screening.manifest import MANIFEST_FILE

__all__ = ["BundleSource", "open_source"]


class BundleSource(Protocol):
    """The files of a bundle; a context manager."""

    def names(self) -> set[str]:
        """POSIX paths of all files inside the bundle.

        Raises:
            BundleError: if something else than plain files is in it.
        """

    def read(self, name: str) -> bytes:
        """The content of one file.

        Raises:
            BundleError: if it cannot be read.
        """

    def __enter__(self) -> Self:
        """Open."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""


def open_source(path: Path) -> BundleSource:
    """The source that fits a path.

    Raises:
        BundleError: if there is no bundle at the path.
    """
    if path.is_file():
        return _Archive(path)
    if not (path / MANIFEST_FILE).is_file():
        raise BundleError(f"no bundle at {path}: {MANIFEST_FILE} not found; give a folder or zip made by 'cxr export'")
    return _Folder(path)


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> set[str]:
        found: set[str] = set()
        for entry in self._path.rglob("*"):
            name = entry.relative_to(self._path).as_posix()
            if entry.is_symlink():
                raise BundleError(f"bundle {self._path} holds a link ({name}); a bundle consists of plain files")
            if entry.is_file():
                found.add(name)
        return found

    def read(self, name: str) -> bytes:
        try:
            return (self._path / name).read_bytes()
        except OSError as error:
            raise BundleError(f"bundle {self._path}: {name} cannot be read: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing is open."""


class _Archive:
    """A zip of the bundle's files, or of the one folder they are in, as file managers make it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as error:
            raise BundleError(f"{path} is not a bundle: neither a folder nor a zip archive") from error
        try:
            self._entries = self._find()
        except BaseException:
            self._archive.close()
            raise

    def _find(self) -> dict[str, zipfile.ZipInfo]:
        try:
            members = archive_members(self._archive)
        except RefusedInputError as error:
            raise BundleError(f"bundle {self._path}: {error}") from error
        entries = {entry.filename: entry for entry in members}
        if len(entries) != len(members):
            raise BundleError(f"bundle {self._path} holds two files of the same name; export it again")
        tops = {name.partition("/")[0] for name in entries}
        if len(tops) == 1 and (top := tops.pop()) + f"/{MANIFEST_FILE}" in entries:
            entries = {name.removeprefix(f"{top}/"): entry for name, entry in entries.items()}
        if MANIFEST_FILE not in entries:
            raise BundleError(f"no bundle in {self._path}: {MANIFEST_FILE} not found; give one made by 'cxr export'")
        return entries

    def names(self) -> set[str]:
        return set(self._entries)

    def read(self, name: str) -> bytes:
        try:
            return read_member(self._archive, self._entries[name])
        except RefusedInputError as error:
            raise BundleError(f"bundle {self._path}: {name}: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._archive.close()
