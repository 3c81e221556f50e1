"""The queue between receiving, screening and sending: files and an SQLite table in one folder.

An object passes through the states of :class:`SpoolState`. Each change is on the disk before the next step is
taken, so that a process killed at any moment goes on where it stopped:

- a radiograph is acknowledged to its sender only once its file and its row are durable;
- its results are sent only once their files and the new state are durable, so that what is sent again after a
  crash is what was sent before;
- files are removed once the receiver has acknowledged the results: no patient data stays behind, only the key
  by which the same object is known when it comes again.
"""

import contextlib
import hashlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path

from cxr.errors import ConfigError, RefusalCode
from cxr.screening.result import ModelIdentity
from nlp_labeler.storage import FolderLock, write_bytes

__all__ = ["RESULT_KINDS", "Spool", "SpoolEvent", "SpoolState"]

RESULT_KINDS = ("sr", "sc", "gsps")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    key TEXT PRIMARY KEY, state TEXT NOT NULL, refusal TEXT,
    received REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_state ON objects (state, due);
CREATE TABLE IF NOT EXISTS events (name TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
"""


class SpoolEvent(StrEnum):
    """What is counted for as long as the folder exists."""

    RECEIVED = "received"
    RECEIVED_AGAIN = "received_again"
    SCREENED = "screened"
    REFUSED = "refused"
    SENT = "sent"


class SpoolState(StrEnum):
    """Where an object stands."""

    RECEIVED = "received"
    SCREENED = "screened"
    SENT = "sent"
    REFUSED = "refused"


class Spool:
    """The queue in a folder, open in one process at a time; its methods may be called from any thread.

    Args:
        folder: created if it does not exist; readable by its owner only, because it holds radiographs.
        model: the model that screens. The same radiograph under another model is another piece of work.

    Raises:
        ConfigError: if another process uses the folder, or it cannot be used.
    """

    def __init__(self, folder: Path, model: ModelIdentity) -> None:
        self._model = model
        self._objects, self._results = folder / "objects", folder / "results"
        try:
            for place in (folder, self._objects, self._results):
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = FolderLock(folder)
            self._table = sqlite3.connect(folder / "spool.sqlite", check_same_thread=False, isolation_level=None)
            self._table.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + _SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"the spool {folder} cannot be used: {error}; choose another folder") from error
        self._claimed: set[str] = set()
        self._turn = threading.RLock()
        self._remove_orphans()
        self._before = self.events()

    def put(self, sop_uid: str, content: bytes) -> bool:
        """Keep a received object; it is durable once this returns.

        Args:
            sop_uid: its SOP Instance UID, by which the same object is known again.
            content: the DICOM file.

        Returns:
            Whether it was new. An object that is known already is not kept twice.

        Raises:
            OSError: if the disk does not take it.
        """
        model = self._model
        identity = (sop_uid, model.bundle, model.version, model.sha256, model.bundle_sha256 or "")
        key = hashlib.sha256("\0".join(identity).encode()).hexdigest()[:40]
        if self._row(key) is not None:
            self._count(SpoolEvent.RECEIVED_AGAIN)
            return False
        write_bytes(self._object(key), content)
        now = time.time()
        try:
            with self._turn, self._together():
                added = self._table.execute(
                    "INSERT OR IGNORE INTO objects (key, state, received, due) VALUES (?, ?, ?, ?)",
                    (key, SpoolState.RECEIVED, now, now),
                )
                self._count(SpoolEvent.RECEIVED if added.rowcount == 1 else SpoolEvent.RECEIVED_AGAIN)
        except sqlite3.Error as error:
            raise OSError("the spool's table does not take the object") from error
        return added.rowcount == 1

    @contextlib.contextmanager
    def claimed(self, state: SpoolState) -> Iterator[tuple[str, int] | None]:
        """The next object in a state whose time has come, for this caller alone for the length of a block.

        Yields:
            Its key, and how often it was tried in this state before, by processes that were killed too; ``None``
            if there is nothing to do.
        """
        found = self._claim(state)
        try:
            yield found
        finally:
            if found is not None:
                with self._turn:
                    self._claimed.discard(found[0])

    def object_file(self, key: str) -> Path:
        """The received object."""
        return self._object(key)

    def result_files(self, key: str) -> list[Path]:
        """The results of a screened object, in the order in which they are sent."""
        return [file for kind in RESULT_KINDS if (file := self._result(key, kind)).exists()]

    def screened(self, key: str, results: Mapping[str, bytes], refusal: RefusalCode | None = None) -> None:
        """Keep an object's results and mark it ready to be sent.

        Args:
            key: of the object.
            results: DICOM files by kind, one or more of RESULT_KINDS.
            refusal: why the object was not screened, where the results say only that.
        """
        for kind in RESULT_KINDS:
            if kind in results:
                write_bytes(self._result(key, kind), results[kind])
            else:
                self._result(key, kind).unlink(missing_ok=True)
        self._move(key, SpoolState.SCREENED, refusal, SpoolEvent.SCREENED if refusal is None else SpoolEvent.REFUSED)
        self._object(key).unlink(missing_ok=True)

    def refused(self, key: str, code: RefusalCode) -> None:
        """Mark an object that was not screened and about which nothing can be sent."""
        self._move(key, SpoolState.REFUSED, code, SpoolEvent.REFUSED)
        self._object(key).unlink(missing_ok=True)

    def sent(self, key: str) -> None:
        """Mark an object whose results the receiver has: sent, or refused where they say so."""
        with self._turn, self._together():
            self._table.execute(
                "UPDATE objects SET state = CASE WHEN refusal IS NULL THEN ? ELSE ? END, attempts = 0 WHERE key = ?",
                (SpoolState.SENT, SpoolState.REFUSED, key),
            )
            self._count(SpoolEvent.SENT)
        for file in self.result_files(key):
            file.unlink(missing_ok=True)

    def postpone(self, key: str, seconds: float, attempts: int) -> None:
        """Leave an object in its state and let it rest, as one that was tried so often."""
        with self._turn:
            self._table.execute(
                "UPDATE objects SET due = ?, attempts = ? WHERE key = ?", (time.time() + seconds, attempts, key)
            )

    def counts(self) -> dict[SpoolState, int]:
        """Number of objects in each state."""
        with self._turn:
            rows = dict(self._table.execute("SELECT state, COUNT(*) FROM objects GROUP BY state"))
        return {state: rows.get(state, 0) for state in SpoolState}

    def events(self, *, since_start: bool = False) -> dict[SpoolEvent, int]:
        """How often each thing has happened since the folder was made, or since it was opened.

        ``screened`` and ``refused`` count objects, ``sent`` those whose results the archive took.
        """
        with self._turn:
            rows = dict(self._table.execute("SELECT name, count FROM events"))
        before = self._before if since_start else {}
        return {event: rows.get(event, 0) - before.get(event, 0) for event in SpoolEvent}

    def refusals(self) -> dict[str, int]:
        """Refusal code -> number of objects that were not screened for it."""
        with self._turn:
            return dict(
                self._table.execute("SELECT refusal, COUNT(*) FROM objects WHERE refusal IS NOT NULL GROUP BY refusal")
            )

    def oldest_unfinished(self) -> float | None:
        """When the longest waiting object was received, in seconds since the epoch; ``None`` if none waits."""
        with self._turn:
            (moment,) = self._table.execute(
                "SELECT MIN(received) FROM objects WHERE state IN (?, ?)", (SpoolState.RECEIVED, SpoolState.SCREENED)
            ).fetchone()
        return moment

    def close(self) -> None:
        """Close the table; no other method may be called afterwards."""
        with self._turn:
            self._table.close()
        self._lock.release()

    def _claim(self, state: SpoolState) -> tuple[str, int] | None:
        with self._turn:
            rows = self._table.execute(
                "SELECT key, attempts FROM objects WHERE state = ? AND due <= ? ORDER BY due", (state, time.time())
            )
            found = next(((key, attempts) for key, attempts in rows if key not in self._claimed), None)
            if found is not None:
                self._claimed.add(found[0])
                self._table.execute("UPDATE objects SET attempts = attempts + 1 WHERE key = ?", (found[0],))
            return found

    def _object(self, key: str) -> Path:
        return self._objects / f"{key}.dcm"

    def _result(self, key: str, kind: str) -> Path:
        return self._results / f"{key}_{kind}.dcm"

    def _row(self, key: str) -> str | None:
        with self._turn:
            row = self._table.execute("SELECT state FROM objects WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    @contextlib.contextmanager
    def _together(self) -> Iterator[None]:
        """One transaction: a state and its count change both or not at all."""
        self._table.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._table.execute("ROLLBACK")
            raise
        self._table.execute("COMMIT")

    def _count(self, event: SpoolEvent) -> None:
        with self._turn:
            self._table.execute(
                "INSERT INTO events VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET count = count + 1", (event,)
            )

    def _move(self, key: str, state: SpoolState, refusal: RefusalCode | None, event: SpoolEvent) -> None:
        with self._turn, self._together():
            self._count(event)
            self._table.execute(
                "UPDATE objects SET state = ?, refusal = ?, attempts = 0, due = ? WHERE key = ?",
                (state, refusal, time.time(), key),
            )

    def _remove_orphans(self) -> None:
        """Remove files that no row needs any more: whoever wrote them was killed before or after its row changed."""
        needed = {self._objects: SpoolState.RECEIVED, self._results: SpoolState.SCREENED}
        for folder, state in needed.items():
            for file in folder.iterdir():
                if self._row(file.stem.partition("_")[0]) != state:
                    file.unlink()
