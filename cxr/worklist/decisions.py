"""What readers decided: per finding present or absent, a comment, a signature. Never changed, only followed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from cxr.errors import CxrError
from cxr.screening import ScreeningResult
from cxr.worklist.audit_log import append_entry
from cxr.worklist.case import SHARED
from cxr.worklist.cases import Cases
from cxr.worklist.database import Database, now

__all__ = ["MAX_COMMENT", "Decision", "Decisions"]

MAX_COMMENT = 4000
"""Longest comment, in characters."""


@dataclass(frozen=True)
class Decision:
    """One signed reading.

    Attributes:
        case_id: what was read.
        reader: who signed.
        signed: when, ISO 8601 in UTC.
        verdicts: every finding of the model -> whether the reader says that it is there.
        comment: the reader's words.
        model_sha256: model whose result was read.
        certificate_sha256: seal of the operating points that were in use.
    """

    case_id: str
    reader: str
    signed: str
    verdicts: Mapping[str, bool]
    comment: str
    model_sha256: str
    certificate_sha256: str

    def overruled(self, result: ScreeningResult) -> tuple[str, ...]:
        """Findings on which the reader and the model differ."""
        return tuple(f.name for f in result.findings if self.verdicts[f.name] != f.positive)


class Decisions:
    """The decisions in a database."""

    def __init__(self, database: Database, cases: Cases) -> None:
        self._database = database
        self._cases = cases

    def sign(
        self,
        viewer: str,
        case_id: str,
        *,
        reader: str,
        overruled: Mapping[str, bool],
        comment: str,
        certificate_sha256: str,
    ) -> Decision:
        """Sign a case: the model's findings as they are, but for those that the reader overrules.

        Args:
            viewer: who is at the worklist.
            case_id: a screened case.
            reader: name to sign with.
            overruled: finding -> whether it is there, only where the reader decided otherwise or confirmed.
            comment: free text, at most :data:`MAX_COMMENT` characters.
            certificate_sha256: seal of the operating points in use.

        Raises:
            CxrError: if the case is not the viewer's, has no findings to decide on, a finding is unknown, or
                a text is missing or too long.
        """
        result = self._cases.result(viewer, case_id)
        owner = self._cases.get(viewer, case_id).owner
        if result is None or result.status != "screened":
            raise CxrError("this case has no findings to sign; it was refused or still waits")
        reader, comment = reader.strip(), comment.strip()
        if not reader or len(reader) > 200:
            raise CxrError("sign with your name, 1 to 200 characters")
        if len(comment) > MAX_COMMENT:
            raise CxrError(f"the comment has {len(comment)} characters; allowed are {MAX_COMMENT}")
        verdicts = {finding.name: finding.positive for finding in result.findings}
        unknown = sorted(set(overruled) - set(verdicts))
        if unknown:
            raise CxrError(f"the model has no finding {unknown[0][:64]!r}; it knows {', '.join(verdicts)}")
        verdicts |= {name: bool(there) for name, there in overruled.items()}
        decision = Decision(case_id, reader, now(), verdicts, comment, result.model.sha256, certificate_sha256)
        with self._database.transaction() as connection:
            connection.execute(
                """INSERT INTO decisions (case_id, reader, signed, verdicts, comment, model_sha256, certificate_sha256)
                VALUES (?, ?, ?, ?, ?, ?, ?)""",
                (
                    case_id,
                    reader,
                    decision.signed,
                    json.dumps(verdicts),
                    comment,
                    result.model.sha256,
                    certificate_sha256,
                ),
            )
            append_entry(
                connection,
                owner=owner,
                actor=reader,
                action="signed",
                case_id=case_id,
                model_sha256=result.model.sha256,
                certificate_sha256=certificate_sha256,
                detail={
                    "overruled": {name: verdicts[name] for name in decision.overruled(result)},
                    "comment": bool(comment),
                },
            )
        return decision

    def latest(self, viewer: str, case_id: str) -> Decision | None:
        """The last decision on a case that the viewer sees, or ``None``."""
        return next(iter(self._select(viewer, "AND case_id = ?", case_id)), None)

    def all_latest(self, viewer: str) -> dict[str, Decision]:
        """The last decision on every signed case that the viewer sees: case id -> decision."""
        latest: dict[str, Decision] = {}
        for decision in self._select(viewer):
            latest.setdefault(decision.case_id, decision)
        return latest

    def _select(self, viewer: str, condition: str = "", *values: str) -> list[Decision]:
        rows = self._database.connection().execute(
            f"""SELECT decisions.* FROM decisions JOIN cases ON cases.id = decisions.case_id
            WHERE owner IN (?, ?) {condition} ORDER BY decisions.number DESC""",
            (viewer, SHARED, *values),
        )
        return [
            Decision(
                case_id=row["case_id"],
                reader=row["reader"],
                signed=row["signed"],
                verdicts=json.loads(row["verdicts"]),
                comment=row["comment"],
                model_sha256=row["model_sha256"],
                certificate_sha256=row["certificate_sha256"],
            )
            for row in rows
        ]
