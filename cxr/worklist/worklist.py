"""Everything that a worklist remembers, in one folder of this machine.

FOLDER/worklist.sqlite holds cases, pictures, decisions and the audit log; FOLDER/inbox the files that wait.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from cxr.screening import Screener
from cxr.worklist.audit_log import AuditEntry, append_entry, read_entries, verify_chain
from cxr.worklist.case import SHARED
from cxr.worklist.case_queue import CaseQueue
from cxr.worklist.cases import Cases
from cxr.worklist.database import Database
from cxr.worklist.decisions import Decision, Decisions
from cxr.worklist.inbox import Inbox
from cxr.worklist.picture_store import PictureStore
from cxr.worklist.worker import ScreeningWorker

__all__ = ["Worklist"]


class Worklist:
    """An open worklist.

    Args:
        folder: created if missing; one process works on it at a time.
        screener: screens what is added, made with ``threads=1`` where ``threads`` fill the cores.
        threads: cases screened at once.

    Raises:
        ConfigError: if another process works on the folder, or another version of cxr made it.
    """

    def __init__(self, folder: Path, screener: Screener, *, threads: int) -> None:
        self._database = Database(folder)
        self.model = screener.identity
        self.certificate_sha256 = screener.bundle.operating_points.content_sha256
        self.queue = CaseQueue(self._database)
        self.cases = Cases(self._database)
        self.pictures = PictureStore(self._database)
        self.decisions = Decisions(self._database, self.cases)
        self.inbox = Inbox(folder / "inbox", self.queue)
        self.worker = ScreeningWorker(self.queue, self.inbox, screener, threads)

    def sign(self, viewer: str, case_id: str, *, reader: str, overruled: Mapping[str, bool], comment: str) -> Decision:
        """Sign a case under the certificates in use; see :meth:`Decisions.sign`."""
        return self.decisions.sign(
            viewer,
            case_id,
            reader=reader,
            overruled=overruled,
            comment=comment,
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
