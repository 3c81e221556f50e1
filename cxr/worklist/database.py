"""One SQLite file for many threads: a connection per thread, one writer at a time, readers never wait."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from cxr.errors import ConfigError
from cxr.worklist.schema import SCHEMA, SCHEMA_VERSION
from nlp_labeler.storage import FolderLock

__all__ = ["Database", "now"]

_BUSY_SECONDS = 60.0
_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600


def now() -> str:
    """The time as the worklist writes it: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Database:
    """The worklist.sqlite of a folder, in write-ahead mode; only this user of the machine can read it.

    Args:
        folder: created if missing. One process works on it at a time.

    Raises:
        ConfigError: if another process has it open, or another version of cxr made it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_FOLDER)
        self.folder = folder
        self._path = folder / "worklist.sqlite"
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._registry = threading.Lock()
        self._lock = FolderLock(folder)
        try:
            self._create()
        except BaseException:
            self.close()
            raise

    def _create(self) -> None:
        self._path.touch(mode=_PRIVATE_FILE)
        connection = self.connection()
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            connection.executescript(f"BEGIN;{SCHEMA}PRAGMA user_version = {SCHEMA_VERSION};COMMIT;")
        elif version != SCHEMA_VERSION:
            raise ConfigError(
                f"{self._path} has version {version}, this cxr reads {SCHEMA_VERSION}; choose another folder"
            )

    def connection(self) -> sqlite3.Connection:
        """This thread's connection; rows come as :class:`sqlite3.Row`."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            # Closed by whichever thread ends the program; used by no other.
            connection = sqlite3.connect(
                self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")  # what a person signed survives a power failure
            connection.execute("PRAGMA foreign_keys = ON")
            self._local.connection = connection
            with self._registry:
                self._opened.append(connection)
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is written in the block, or nothing of it."""
        connection = self.connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def close(self) -> None:
        """Close every thread's connection and give the folder free."""
        with self._registry:
            for connection in self._opened:
                connection.close()
            self._opened.clear()
        self._local = threading.local()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
