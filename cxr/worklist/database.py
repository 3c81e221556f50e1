"""One SQLite file for many threads: a connection per thread, one writer at a time, readers never wait.

Decisions and the audit log only ever grow: the database itself refuses to change them.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from cxr.errors import ConfigError
from cxr.worklist.migration import OLDEST_VERSION, migrate
from nlp_labeler.storage import FolderLock

__all__ = ["FILE_NAME", "SCHEMA_VERSION", "SHARED", "Database"]

FILE_NAME = "worklist.sqlite"
SCHEMA_VERSION = 4

SCHEMA = """
CREATE TABLE cases (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    origin TEXT NOT NULL,
    source TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('waiting', 'screening', 'screened', 'refused')),
    added TEXT NOT NULL,
    finished TEXT,
    patient TEXT,
    issuer TEXT,
    study_date TEXT,
    sex TEXT,
    age REAL,
    view TEXT,
    width INTEGER,
    height INTEGER,
    triage TEXT,
    refusal TEXT,
    probabilities TEXT,
    model_sha256 TEXT,
    result TEXT,
    flagged INTEGER NOT NULL DEFAULT 0,
    doubts TEXT
);
CREATE INDEX cases_by_owner ON cases (owner, status);
CREATE INDEX cases_by_patient ON cases (owner, patient, issuer);
CREATE INDEX cases_by_origin ON cases (origin);

CREATE TABLE pictures (
    case_id TEXT NOT NULL REFERENCES cases (id),
    kind TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (case_id, kind)
);

CREATE TABLE decisions (
    number INTEGER PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    reader TEXT NOT NULL,
    signed TEXT NOT NULL,
    verdicts TEXT NOT NULL,
    comment TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    certificate_sha256 TEXT NOT NULL,
    by_default TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX decisions_by_case ON decisions (case_id);

CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    time TEXT NOT NULL,
    owner TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    case_id TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    certificate_sha256 TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER decisions_are_never_changed BEFORE UPDATE ON decisions
    BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END;
CREATE TRIGGER decisions_are_never_deleted BEFORE DELETE ON decisions
    BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END;
"""


SHARED = ""
"""Owner of the cases that everybody at this worklist sees."""

_BUSY_SECONDS = 60.0
_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600


class Database:
    """The worklist.sqlite of a folder, in write-ahead mode; only this user of the machine can read it.

    Args:
        folder: created if missing; one of an earlier version is migrated. One process works on it at a time.

    Raises:
        ConfigError: if another process has it open, or a later version of cxr made it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_FOLDER)
        self.folder = folder
        self._path = folder / FILE_NAME
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
        elif OLDEST_VERSION <= version < SCHEMA_VERSION:
            with self.transaction() as migrating:
                migrate(migrating, version)
                migrating.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        elif version != SCHEMA_VERSION:
            raise ConfigError(
                f"{self._path} has version {version}, this cxr reads {OLDEST_VERSION} to {SCHEMA_VERSION}; "
                "open it with the cxr that made it, or choose another folder"
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
