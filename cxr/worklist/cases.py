"""The cases of a worklist: one image each, whose it is, what became of it; waiting, claimed, finished, shown."""

import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cxr.errors import CxrError
from cxr.screening.result import ScreeningResult, parse_result_line, result_line
from cxr.worklist.audit_log import append_entry, now
from cxr.worklist.database import SHARED, Database
from cxr.worklist.subject import Subject

__all__ = ["Case", "CaseQueue", "Cases"]

CaseStatus = Literal["waiting", "screening", "screened", "refused"]


@dataclass(frozen=True)
class Case:
    """One row of a worklist.

    Attributes:
        id: random, says nothing about the patient; safe in a URL, a log or a file name.
        owner: who sees it; :data:`SHARED` for everybody.
        name: file name as the user knows it; text from outside.
        status: ``waiting``, ``screening``, ``screened`` or ``refused``.
        added: when it came, ISO 8601 in UTC.
        subject: patient and examination.
        width: of the image in pixels; ``None`` until screened.
        height: of the image in pixels; ``None`` until screened.
        triage: the result's triage; ``None`` unless screened.
        refusal: code of the refusal; ``None`` unless refused.
        probabilities: finding -> calibrated probability; empty unless screened.
        model_sha256: model of the result; ``None`` until there is one.
        flagged: whether somebody marked it to come back to.
        signed_by: last reader who signed it, or ``None``.
        doubts: why the result's scores may be worth nothing (:class:`cxr.reporting.doubt.Doubt`); such a case is never
            below threshold, at whatever operating point it is looked at.
    """

    id: str
    owner: str
    name: str
    status: CaseStatus
    added: str
    subject: Subject
    width: int | None
    height: int | None
    triage: str | None
    refusal: str | None
    probabilities: Mapping[str, float]
    model_sha256: str | None
    flagged: bool
    signed_by: str | None
    doubts: tuple[str, ...] = ()

    def is_before(self, other: "Case") -> bool:
        """Whether the image was taken on a strictly earlier day, both days being known."""
        mine, theirs = self.subject.study_date, other.subject.study_date
        return mine is not None and theirs is not None and mine < theirs


SELECT_CASES = """SELECT cases.*, (SELECT reader FROM decisions WHERE decisions.case_id = cases.id
    ORDER BY decisions.number DESC LIMIT 1) AS signed_by FROM cases"""
"""Begins every query whose rows :func:`case_of` reads."""


def case_of(row: sqlite3.Row) -> Case:
    """The case of a row."""
    return Case(
        id=row["id"],
        owner=row["owner"],
        name=row["name"],
        status=row["status"],
        added=row["added"],
        subject=Subject(row["patient"], row["study_date"], row["sex"], row["age"], row["view"], row["issuer"] or ""),
        width=row["width"],
        height=row["height"],
        triage=row["triage"],
        refusal=row["refusal"],
        probabilities=json.loads(row["probabilities"] or "{}"),
        model_sha256=row["model_sha256"],
        flagged=bool(row["flagged"]),
        signed_by=row["signed_by"],
        doubts=tuple((row["doubts"] or "").split()),
    )


class Cases:
    """Cases in a database. Every method takes the viewer, and shows nothing of anybody else's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def state(self, viewer: str) -> str:
        """Changes whenever something changes that a viewer's list shows; cheap to ask for often."""
        row = (
            self._database.connection()
            .execute(
                """SELECT COUNT(*), MAX(finished), COALESCE(SUM(flagged), 0), SUM(status = 'screening'),
            (SELECT MAX(number) FROM decisions) FROM cases WHERE owner IN (?, ?)""",
                (viewer, SHARED),
            )
            .fetchone()
        )
        return "|".join(str(value) for value in row)

    def flag(self, viewer: str, case_id: str, flagged: bool) -> None:
        """Mark a case to come back to, or take the mark off.

        Raises:
            CxrError: if the viewer has no such case.
        """
        self.get(viewer, case_id)
        with self._database.transaction() as connection:
            connection.execute("UPDATE cases SET flagged = ? WHERE id = ?", (flagged, case_id))

    def visible(self, viewer: str) -> list[Case]:
        """All cases of a viewer and the shared ones, in the order in which they came."""
        rows = self._database.connection().execute(
            f"{SELECT_CASES} WHERE owner IN (?, ?) ORDER BY number", (viewer, SHARED)
        )
        return [case_of(row) for row in rows]

    def get(self, viewer: str, case_id: str) -> Case:
        """One case.

        Raises:
            CxrError: if the viewer has no such case; that somebody else may have it is not said.
        """
        return case_of(self._row(viewer, case_id))

    def result(self, viewer: str, case_id: str) -> ScreeningResult | None:
        """The result of a case; ``None`` while it waits.

        Raises:
            CxrError: if the viewer has no such case.
        """
        line = self._row(viewer, case_id)["result"]
        return parse_result_line(line) if line else None

    def visits(self, viewer: str, case: Case) -> tuple[list[Case], list[Case]]:
        """The other screened cases of the same patient, newest first.

        Returns:
            Those of a strictly earlier day; and all others, of which nobody knows that they were before: of the
            same day, later, or without a valid date on either side.
        """
        if not case.subject.key:
            return [], []
        rows = self._database.connection().execute(
            f"""{SELECT_CASES} WHERE owner IN (?, ?) AND patient = ? AND issuer = ? AND id <> ?
            AND status = 'screened' ORDER BY study_date DESC, number DESC""",
            (viewer, SHARED, case.subject.patient, case.subject.issuer, case.id),
        )
        visits = [case_of(row) for row in rows]
        return [v for v in visits if v.is_before(case)], [v for v in visits if not v.is_before(case)]

    def _row(self, viewer: str, case_id: str) -> sqlite3.Row:
        row: sqlite3.Row | None = (
            self._database.connection()
            .execute(f"{SELECT_CASES} WHERE id = ? AND owner IN (?, ?)", (case_id, viewer, SHARED))
            .fetchone()
        )
        if row is None:
            raise CxrError(f"there is no case {case_id[:64]!r} on this worklist")
        return row


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
                """UPDATE cases SET status = ?, finished = ?, patient = ?, issuer = ?, study_date = ?, sex = ?, age = ?,
                view = ?, width = ?, height = ?, triage = ?, refusal = ?, probabilities = ?, model_sha256 = ?,
                result = ?, doubts = ? WHERE id = ?""",
                (
                    result.status,
                    now(),
                    subject.patient,
                    subject.issuer,
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
                    " ".join(result.doubts),
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
