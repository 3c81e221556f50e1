"""What readers decided: of each finding whether it is there, where they said so, a comment, a signature.

Decisions are never changed, only followed by later ones.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field

from cxr.errors import CxrError
from cxr.screening.result import ScreeningResult
from cxr.worklist.audit_log import append_entry, now
from cxr.worklist.database import SHARED, Database

__all__ = ["MAX_COMMENT", "UNSIGNED", "Decision", "Decisions", "decision_of"]

MAX_COMMENT = 4000
"""Longest comment, in characters."""

UNSIGNED = 0
"""What a reader has seen who saw no decision; decisions count from 1."""

_LONGEST_READER = 200


@dataclass(frozen=True)
class Decision:
    """One signed reading.

    Attributes:
        number: counts over all cases; a later decision has a higher one.
        case_id: what was read.
        reader: who signed.
        signed: when, ISO 8601 in UTC.
        verdicts: finding -> whether it is there, for those alone about which the reader said it.
        comment: the reader's words.
        model_sha256: model whose result was read.
        certificate_sha256: seal of the operating points that were in use.
        by_default: what the model called and a form of an earlier version signed unasked; see
            :mod:`cxr.worklist.migration`. No verdict, and empty in every decision signed since.
    """

    number: int
    case_id: str
    reader: str
    signed: str
    verdicts: Mapping[str, bool]
    comment: str
    model_sha256: str
    certificate_sha256: str
    by_default: Mapping[str, bool] = field(default_factory=dict)

    def overruled(self, result: ScreeningResult) -> tuple[str, ...]:
        """Findings of which the reader said the opposite of the model."""
        return tuple(f.name for f in result.findings if self.verdicts.get(f.name, f.positive) != f.positive)


class Decisions:
    """The decisions in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sign(
        self,
        owner: str,
        case_id: str,
        result: ScreeningResult | None,
        *,
        reader: str,
        verdicts: Mapping[str, bool],
        comment: str,
        seen: int,
        certificate_sha256: str,
    ) -> Decision:
        """Sign a case: exactly what the reader states, and nothing about the other findings.

        Args:
            owner: of the case.
            case_id: a screened case.
            result: its result.
            reader: name to sign with.
            verdicts: finding -> whether it is there; a finding that is not in it is not stated.
            comment: free text, at most :data:`MAX_COMMENT` characters.
            seen: number of the last decision that the reader saw, :data:`UNSIGNED` for none.
            certificate_sha256: seal of the operating points in use.

        Raises:
            CxrError: if the case has no findings to decide on, somebody signed it since the reader looked, a
                finding is unknown, or a text is missing or too long.
        """
        if result is None or result.status != "screened":
            raise CxrError("this case has no findings to sign; it was refused or still waits")
        reader, comment = reader.strip(), comment.strip()
        if not reader or len(reader) > _LONGEST_READER:
            raise CxrError(f"sign with your name, 1 to {_LONGEST_READER} characters")
        if len(comment) > MAX_COMMENT:
            raise CxrError(f"the comment has {len(comment)} characters; allowed are {MAX_COMMENT}")
        names = [finding.name for finding in result.findings]
        for name, there in verdicts.items():
            if name not in names:
                raise CxrError(f"the model has no finding {name[:64]!r}; it knows {', '.join(names)}")
            if not isinstance(there, bool):
                raise CxrError(f"the verdict on {name} is {there!r}; allowed are true, false, or no verdict")
        with self._database.transaction() as connection:
            last = connection.execute(
                "SELECT number, reader FROM decisions WHERE case_id = ? ORDER BY number DESC LIMIT 1", (case_id,)
            ).fetchone()
            if (last["number"] if last else UNSIGNED) != seen:
                raise CxrError(
                    f"{last['reader'] if last else 'nobody'} signed this case last, and not the decision that you saw; "
                    "open the case again, read it and amend it"
                )
            written = connection.execute(
                """INSERT INTO decisions (case_id, reader, signed, verdicts, comment, model_sha256, certificate_sha256)
                VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING *""",
                (case_id, reader, now(), json.dumps(dict(verdicts)), comment, result.model.sha256, certificate_sha256),
            ).fetchone()
            decision = decision_of(written)
            append_entry(
                connection,
                owner=owner,
                actor=reader,
                action="amended" if last else "signed",
                case_id=case_id,
                model_sha256=result.model.sha256,
                certificate_sha256=certificate_sha256,
                detail={
                    "overruled": {name: decision.verdicts[name] for name in decision.overruled(result)},
                    "stated": len(decision.verdicts),
                    "comment": bool(comment),
                },
            )
        return decision

    def of_case(self, viewer: str, case_id: str) -> list[Decision]:
        """All decisions on a case that the viewer sees, in their order."""
        return self._select(viewer, "AND case_id = ?", case_id)

    def latest(self, viewer: str, case_id: str) -> Decision | None:
        """The last decision on a case that the viewer sees, or ``None``."""
        return next(reversed(self.of_case(viewer, case_id)), None)

    def all_latest(self, viewer: str) -> dict[str, Decision]:
        """The last decision on every signed case that the viewer sees: case id -> decision."""
        return {decision.case_id: decision for decision in self._select(viewer)}

    def _select(self, viewer: str, condition: str = "", *values: str) -> list[Decision]:
        rows = self._database.connection().execute(
            f"""SELECT decisions.* FROM decisions JOIN cases ON cases.id = decisions.case_id
            WHERE owner IN (?, ?) {condition} ORDER BY decisions.number""",
            (viewer, SHARED, *values),
        )
        return [decision_of(row) for row in rows]


def decision_of(row: sqlite3.Row) -> Decision:
    """The decision of a row."""
    return Decision(
        number=row["number"],
        case_id=row["case_id"],
        reader=row["reader"],
        signed=row["signed"],
        verdicts=json.loads(row["verdicts"]),
        comment=row["comment"],
        model_sha256=row["model_sha256"],
        certificate_sha256=row["certificate_sha256"],
        by_default=json.loads(row["by_default"]),
    )
