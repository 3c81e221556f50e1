"""Rows of the database as cases."""

import json
import sqlite3

from cxr.worklist.case import Case, Subject

__all__ = ["SELECT_CASES", "case_of"]

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
        subject=Subject(row["patient"], row["study_date"], row["sex"], row["age"], row["view"]),
        width=row["width"],
        height=row["height"],
        triage=row["triage"],
        refusal=row["refusal"],
        probabilities=json.loads(row["probabilities"] or "{}"),
        model_sha256=row["model_sha256"],
        flagged=bool(row["flagged"]),
        signed_by=row["signed_by"],
    )
