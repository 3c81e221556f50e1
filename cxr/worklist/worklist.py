"""Everything that a worklist remembers, in one folder of this machine, and the threads that screen what waits.

FOLDER/worklist.sqlite holds cases, pictures, decisions and the audit log; FOLDER/inbox the files that wait.
"""

import logging
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

from cxr.errors import RefusalCode, RefusedInputError
from cxr.screening.artifacts import Examination
from cxr.screening.screener import Screener
from cxr.worklist.audit_log import AuditEntry, append_entry, read_entries, verify_chain
from cxr.worklist.cases import Case, CaseQueue, Cases
from cxr.worklist.database import SHARED, Database
from cxr.worklist.decisions import Decision, Decisions
from cxr.worklist.intake import REFUSED, Inbox, NewImage
from cxr.worklist.pictures import PictureStore, pictures_of
from cxr.worklist.subject import subject_of

__all__ = ["Worklist", "WorklistWorker"]

_LOG = logging.getLogger(__name__)
_IDLE_SECONDS = 0.5


class Worklist:
    """An open worklist.

    Args:
        folder: created if missing; one process works on it at a time.
        screener: screens what is added, made with ``threads=1`` where ``threads`` fill the cores.
        threads: cases screened at once.

    Raises:
        ConfigError: if another process works on the folder, or a later version of cxr made it.
    """

    def __init__(self, folder: Path, screener: Screener, *, threads: int) -> None:
        self._database = Database(folder)
        self.model = screener.identity
        self.certificate_sha256 = screener.bundle.operating_points.content_sha256
        self.queue = CaseQueue(self._database)
        self.cases = Cases(self._database)
        self.pictures = PictureStore(self._database)
        self.decisions = Decisions(self._database)
        self.inbox = Inbox(folder / "inbox", self.queue.unfinished_sources())
        self.worker = WorklistWorker(self.queue, self.inbox, screener, threads)

    def add(self, owner: str, images: Iterable[NewImage]) -> list[str]:
        """Let images wait to be screened; returns the ids of their cases."""
        ids = [self.queue.add(owner, image.name, image.source, origin=image.origin) for image in images]
        if ids:
            self.worker.wake()
        return ids

    def sign(
        self, viewer: str, case_id: str, *, reader: str, verdicts: Mapping[str, bool], comment: str, seen: int
    ) -> Decision:
        """Sign a case under the certificates in use; see :meth:`Decisions.sign`.

        Raises:
            CxrError: if the case is not the viewer's, or cannot be signed so.
        """
        return self.decisions.sign(
            self.cases.get(viewer, case_id).owner,
            case_id,
            self.cases.result(viewer, case_id),
            reader=reader,
            verdicts=verdicts,
            comment=comment,
            seen=seen,
            certificate_sha256=self.certificate_sha256,
        )

    def note(self, viewer: str, actor: str, action: str, case_id: str = "", **detail: object) -> None:
        """Write what somebody did into the audit log.

        Args:
            viewer: whose worklist it is about.
            actor: who did it.
            action: e.g. ``"exported"``.
            case_id: which case, if one.
            **detail: anything JSON can hold.
        """
        with self._database.transaction() as connection:
            append_entry(
                connection,
                owner=viewer,
                actor=actor,
                action=action,
                case_id=case_id,
                model_sha256=self.model.sha256,
                certificate_sha256=self.certificate_sha256,
                detail=detail,
            )

    def audit(self, viewer: str, limit: int = 200) -> list[AuditEntry]:
        """The latest entries about what the viewer sees, newest first."""
        return read_entries(self._database.connection(), (viewer, SHARED), limit)

    def verify_audit(self) -> tuple[int, str, int | None]:
        """Recompute the whole audit log; see :func:`cxr.worklist.audit_log.verify_chain`."""
        return verify_chain(self._database.connection())

    def close(self) -> None:
        """Give the folder free; stop the worker first."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class WorklistWorker:
    """Threads that take waiting cases in turn. A case that was begun when the program died is begun again.

    Args:
        queue: of the worklist.
        inbox: whose copies are deleted once their result is written.
        screener: made with ``threads=1`` where ``threads`` fill the cores.
        threads: cases worked on at once.
    """

    def __init__(self, queue: CaseQueue, inbox: Inbox, screener: Screener, threads: int) -> None:
        self._queue = queue
        self._inbox = inbox
        self._screener = screener
        self._certificate = screener.bundle.operating_points.content_sha256
        self._work = threading.Event()
        self._stopping = False
        self._served = ""
        self._turn = threading.Lock()
        self._threads = [threading.Thread(target=self._run, name=f"screen-{n}", daemon=True) for n in range(threads)]

    def start(self) -> None:
        """Begin, with whatever waits."""
        self._queue.release_claims()
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Say that there is something new, so that it is not found only at the next look."""
        self._work.set()

    def stop(self) -> None:
        """End after the cases that are being screened."""
        self._stopping = True
        self._work.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._stopping:
            with self._turn:
                claimed = self._queue.claim(after=self._served)
                if claimed:
                    self._served = claimed[0].owner
            if claimed is None:
                self._work.wait(_IDLE_SECONDS)
                self._work.clear()
                continue
            try:
                self._screen(*claimed)
            except Exception as error:
                # The case stays claimed and is tried again at the next start; the others go on. What the error
                # says may quote the file.
                _LOG.error("a result could not be written: %s", type(error).__name__)

    def _screen(self, case: Case, source: Path) -> None:
        if source.suffix == REFUSED and self._inbox.holds(source):
            code, _, message = source.read_text().partition("\n")
            examination = self._screener.refuse(case.name, RefusedInputError(RefusalCode(code), message))
        else:
            examination = self._screener.examine(case.name, source)
        artifacts = examination.artifacts
        self._queue.finish(
            case.id,
            examination.result,
            subject_of(artifacts.metadata if artifacts else None, case.name),
            size=_size(examination),
            pictures=pictures_of(examination),
            certificate_sha256=self._certificate,
        )
        if self._inbox.holds(source):
            source.unlink(missing_ok=True)


def _size(examination: Examination) -> tuple[int, int] | None:
    """Width and height in pixels."""
    if examination.artifacts is None:
        return None
    height, width = examination.artifacts.pixels.shape
    return width, height
