"""The way of a case onto a worklist: added, claimed by a worker, finished with its result."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from cxr.screening import ScreeningResult, result_line
from cxr.worklist.audit_log import append_entry
from cxr.worklist.case import Case, Subject
from cxr.worklist.case_rows import SELECT_CASES, case_of
from cxr.worklist.database import Database, now

__all__ = ["CaseQueue"]

_ID_BYTES = 12


class CaseQueue:
    """Cases in a database that wait, are being screened, or were just screened, of every owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, owner: str, name: str, source: Path, *, origin: str = "", claimed: bool = False) -> str:
        """A new case.

        Args:
            owner: who will see it.
            name: file name to show.
            source: the file that the worker reads.
            origin: where it came from, by which :meth:`knows` finds it; empty for uploads.
            claimed: whether the caller will finish it, rather than the worker.

        Returns:
            Its id.
        """
        case_id = secrets.token_hex(_ID_BYTES)
        status = "screening" if claimed else "waiting"
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO cases (id, owner, name, origin, source, status, added) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (case_id, owner, name, origin, str(source), status, now()),
            )
        return case_id

    def knows(self, origin: str) -> bool:
        """Whether there is a case from this origin."""
        row = self._database.connection().execute("SELECT 1 FROM cases WHERE origin = ?", (origin,)).fetchone()
        return row is not None

    def claim(self, after: str) -> tuple[Case, Path] | None:
        """Take the oldest waiting case, its owner being the next one after ``after``.

        Taking turns among owners keeps a large upload of one from delaying the single image of another.

        Returns:
            The case and its source, or ``None`` if nothing waits.
        """
        with self._database.transaction() as connection:
            row = connection.execute(
                f"{SELECT_CASES} WHERE status = 'waiting' ORDER BY owner <= ?, owner, number LIMIT 1", (after,)
            ).fetchone()
            if row is None:
                return None
            connection.execute("UPDATE cases SET status = 'screening' WHERE id = ?", (row["id"],))
        return case_of(row), Path(row["source"])

    def unfinished_sources(self) -> set[Path]:
        """The files that somebody's case still needs."""
        rows = self._database.connection().execute("SELECT source FROM cases WHERE status IN ('waiting', 'screening')")
        return {Path(row["source"]) for row in rows}

    def release_claims(self) -> None:
        """Let what a stopped worker had begun wait again."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE cases SET status = 'waiting' WHERE status = 'screening'")

    def finish(
        self,
        case_id: str,
        result: ScreeningResult,
        subject: Subject,
        *,
        size: tuple[int, int] | None,
        pictures: Mapping[str, bytes],
        certificate_sha256: str,
    ) -> None:
        """Write a case's result, all of it or nothing.

        Args:
            case_id: of a claimed case.
            result: what screening ended with.
            subject: what the file says about the patient.
            size: width and height of the image in pixels; ``None`` when refused.
            pictures: kind -> file content.
            certificate_sha256: seal of the operating points in use.
        """
        width, height = size or (None, None)
        probabilities = {finding.name: round(finding.probability, 6) for finding in result.findings}
        with self._database.transaction() as connection:
            connection.execute(
                """UPDATE cases SET status = ?, finished = ?, patient = ?, study_date = ?, sex = ?, age = ?, view = ?,
                width = ?, height = ?, triage = ?, refusal = ?, probabilities = ?, model_sha256 = ?, result = ?
                WHERE id = ?""",
                (
                    result.status,
                    now(),
                    subject.patient,
                    subject.study_date,
                    subject.sex,
                    subject.age,
                    subject.view,
                    width,
                    height,
                    result.triage,
                    result.refusal.code if result.refusal else None,
                    json.dumps(probabilities),
                    result.model.sha256,
                    result_line(result),
                    case_id,
                ),
            )
            connection.executemany(
                "INSERT OR REPLACE INTO pictures (case_id, kind, content) VALUES (?, ?, ?)",
                [(case_id, kind, content) for kind, content in pictures.items()],
            )
            owner = connection.execute("SELECT owner FROM cases WHERE id = ?", (case_id,)).fetchone()["owner"]
            append_entry(
                connection,
                owner=owner,
                actor="cxr",
                action=result.status,
                case_id=case_id,
                model_sha256=result.model.sha256,
                certificate_sha256=certificate_sha256,
                detail={"triage": result.triage} if result.refusal is None else {"refusal": str(result.refusal.code)},
            )
