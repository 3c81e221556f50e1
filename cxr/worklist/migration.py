"""Worklists that earlier versions made are brought to the present tables, with every decision that was signed in them.

Version 1 signed, for every finding that the reader said nothing about, what the model called. Now only what a reader
states is a verdict. Which verdicts a reader of version 1 stated can be told where they contradict the model; the others
are kept apart, as signed by default, and count as not stated. The audit log keeps each decision as it was signed.
Versions before 4 knew no doubtful results.
"""

import json
import sqlite3

from cxr.worklist.audit_log import append_entry

__all__ = ["OLDEST_VERSION", "migrate"]

OLDEST_VERSION = 1

_BY_DEFAULT_KEPT = 3
"""First version whose decisions part what was stated from what was signed by default."""

_UNCHANGEABLE = """CREATE TRIGGER decisions_are_never_changed BEFORE UPDATE ON decisions
    BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END"""


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring the tables of an earlier version to the present one; call it inside a transaction.

    Args:
        connection: with rows as :class:`sqlite3.Row`.
        version: what the tables are of, from :data:`OLDEST_VERSION`.
    """
    connection.execute("ALTER TABLE cases ADD COLUMN doubts TEXT")
    if version < _BY_DEFAULT_KEPT:
        connection.execute("ALTER TABLE decisions ADD COLUMN by_default TEXT NOT NULL DEFAULT '{}'")
    if version == 1:
        connection.execute("ALTER TABLE cases ADD COLUMN issuer TEXT")
        connection.execute("DROP INDEX cases_by_patient")
        connection.execute("CREATE INDEX cases_by_patient ON cases (owner, patient, issuer)")
        _part_what_was_stated(connection)


def _part_what_was_stated(connection: sqlite3.Connection) -> None:
    """Keep as verdicts what readers said against the model, and the rest as signed by default."""
    connection.execute("DROP TRIGGER decisions_are_never_changed")
    signed = connection.execute(
        """SELECT decisions.*, owner, result FROM decisions JOIN cases ON cases.id = decisions.case_id
        ORDER BY decisions.number"""
    ).fetchall()
    for row in signed:
        verdicts = json.loads(row["verdicts"])
        called = {finding["name"]: finding["positive"] for finding in json.loads(row["result"])["findings"]}
        stated = {name: there for name, there in verdicts.items() if there != called[name]}
        by_default = {name: there for name, there in verdicts.items() if name not in stated}
        connection.execute(
            "UPDATE decisions SET verdicts = ?, by_default = ? WHERE number = ?",
            (json.dumps(stated), json.dumps(by_default), row["number"]),
        )
        append_entry(
            connection,
            owner=row["owner"],
            actor="cxr",
            action="migrated",
            case_id=row["case_id"],
            model_sha256=row["model_sha256"],
            certificate_sha256=row["certificate_sha256"],
            detail={"reader": row["reader"], "signed": row["signed"], "stated": len(stated), "verdicts": verdicts},
        )
    connection.execute(_UNCHANGEABLE)
