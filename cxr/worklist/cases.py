"""The cases of a worklist, shown to those who may see them."""

import sqlite3

from cxr.errors import CxrError
from cxr.screening import ScreeningResult, parse_result_line
from cxr.worklist.case import SHARED, Case
from cxr.worklist.case_rows import SELECT_CASES, case_of
from cxr.worklist.database import Database

__all__ = ["Cases"]


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

    def visits(self, viewer: str, case: Case) -> list[Case]:
        """The other screened cases of the same patient, newest first."""
        if not case.subject.patient:
            return []
        rows = self._database.connection().execute(
            f"""{SELECT_CASES} WHERE owner IN (?, ?) AND patient = ? AND id <> ? AND status = 'screened'
            ORDER BY study_date DESC, number DESC""",
            (viewer, SHARED, case.subject.patient, case.id),
        )
        return [case_of(row) for row in rows]

    def _row(self, viewer: str, case_id: str) -> sqlite3.Row:
        row: sqlite3.Row | None = (
            self._database.connection()
            .execute(f"{SELECT_CASES} WHERE id = ? AND owner IN (?, ?)", (case_id, viewer, SHARED))
            .fetchone()
        )
        if row is None:
            raise CxrError(f"there is no case {case_id[:64]!r} on this worklist")
        return row
