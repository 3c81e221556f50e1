"""How everything here is kept on disk: files that are old or new but never half written, locks, hashes.

It stands on the ground floor, beside the errors, because the labeler writes files too and imports nothing of cxr.

- :func:`atomic_writer`, :func:`write_bytes`, :func:`write_text`, :func:`write_rows`: one file
- :func:`atomic_path`: one file of a library that writes by name
- :func:`atomic_folder`: a folder that appears, or takes an earlier one's place, as a whole
- :class:`FolderLock`: one process at a time
- :func:`file_sha256`, :func:`bytes_sha256`: hashes
"""

import csv
import hashlib
import io
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from nlp_labeler.errors import ConfigError

__all__ = [
    "FolderLock",
    "atomic_folder",
    "atomic_path",
    "atomic_writer",
    "bytes_sha256",
    "file_sha256",
    "naming",
    "write_bytes",
    "write_rows",
    "write_text",
]

_PUBLIC = 0o644
_LONGEST_NAME = 40  # with which a temporary name stays legal on every file system


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error of the operating system name the file it came from, as that of a full disk does not."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = os.fspath(path)
        raise


@contextmanager
def atomic_writer(path: Path, *, durable: bool = True, mode: int = _PUBLIC) -> Iterator[BinaryIO]:
    """A stream to a new file beside ``path`` that takes its place when the block ends without an error.

    Args:
        path: the file to write.
        durable: wait for the disk, so that content and name survive a power failure too. Without, they survive the
            end of the process, which is enough for one of thousands of files that can be made again.
        mode: who may read it, as POSIX says it; from the first byte on.

    Raises:
        OSError: naming the file, if the disk does not take it; what was there before is still there.
    """
    temporary = _beside(path)
    try:
        with naming(path):
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
            with os.fdopen(handle, "wb") as stream:
                yield stream
                stream.flush()
                if durable:
                    os.fsync(stream.fileno())
            temporary.chmod(mode)
            temporary.replace(path)
            if durable:
                _keep_name(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A name beside ``path``, for a library that writes by name; what is there takes its place when the block ends."""
    temporary = _beside(path)
    try:
        with naming(path):
            yield temporary
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """An empty folder beside ``path`` that takes its place when the block ends without an error.

    What an earlier process left half done is thrown away. No file system exchanges two folders in one step everywhere,
    so an earlier folder is first moved aside; if the process is killed between the two moves, the next one for the
    same ``path`` moves it back before it begins.

    Raises:
        ConfigError: if another process is writing the same folder.
    """
    partial, earlier = path.with_name(f".{path.name}.partial"), path.with_name(f".{path.name}.earlier")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(path, beside=True)
    try:
        if earlier.exists() and not path.exists():
            earlier.replace(path)
        for left in (partial, earlier):
            shutil.rmtree(left, ignore_errors=True)
        partial.mkdir()
        with naming(path):
            yield partial
            if path.exists():
                path.replace(earlier)
            partial.replace(path)
    finally:
        if earlier.exists() and not path.exists():
            earlier.replace(path)
        for left in (partial, earlier):
            shutil.rmtree(left, ignore_errors=True)
        lock.remove()


def write_bytes(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a whole file of bytes through :func:`atomic_writer`."""
    with atomic_writer(path, durable=durable) as stream:
        stream.write(content)


def write_text(path: Path, content: str, *, durable: bool = True) -> None:
    """Write a whole file of UTF-8 text through :func:`atomic_writer`."""
    write_bytes(path, content.encode(), durable=durable)


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV table through :func:`atomic_writer`."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, table.getvalue())


def bytes_sha256(content: bytes) -> str:
    """SHA-256 of some bytes in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class FolderLock:
    """One process at a time in a folder; ends with the process, however it ends.

    The lock is that of an open file, on POSIX and on Windows; a worker process forked from the holder does not keep
    it. Held from its making until :meth:`release`, or for the length of a block.

    Args:
        folder: the lock is a hidden file in it, which stays there.
        beside: keep that file beside the folder, which then need not exist and holds nothing of ours.
        wait: for a process that holds it to end, rather than to fail.

    Attributes:
        file: the lock file.

    Raises:
        ConfigError: if another process holds it.
        OSError: if the folder does not take the file.
    """

    def __init__(self, folder: Path, *, beside: bool = False, wait: bool = False) -> None:
        from filelock import FileLock, Timeout  # here: it takes 30 ms, and many a command locks nothing

        self.file = folder.with_name(f".{folder.name}.lock") if beside else folder / ".lock"
        # Released by whichever thread ends the work.
        self._lock = FileLock(self.file, timeout=-1 if wait else 0, thread_local=False, mode=0o600)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise ConfigError(f"another process writes to {folder}; wait for it or choose another folder") from error

    def release(self) -> None:
        """Let others in."""
        self._lock.release()

    def remove(self) -> None:
        """Let others in, and leave no lock file."""
        try:
            self.file.unlink(missing_ok=True)  # while it is held, so that it is nobody else's
        except PermissionError:  # some systems delete no open file
            self._lock.release()
            with suppress(OSError):
                self.file.unlink(missing_ok=True)
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _beside(path: Path) -> Path:
    """A name that nobody else uses, not even another thread: hidden, in the same folder, of no kind of content."""
    return path.with_name(f".{path.name[:_LONGEST_NAME]}.{secrets.token_hex(8)}.tmp")


def _keep_name(path: Path) -> None:
    """Wait until the disk holds a folder's names too."""
    if os.name == "posix":  # elsewhere a folder cannot be opened, and the file system journals its names
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
