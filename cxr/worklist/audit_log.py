"""Who did what, when, with which model and which certificates: an append-only chain of hashes.

Each entry's hash covers the entry and the hash of the one before it. An entry that is changed, removed or put
in between breaks the chain from there on. Whoever writes down the last hash elsewhere can also prove later
that the end was not cut off.
"""

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["GENESIS", "AuditEntry", "append_entry", "now", "read_entries", "verify_chain"]

GENESIS = "0" * 64
"""What the first entry names as its predecessor's hash."""

_HASHED = ("number", "time", "owner", "actor", "action", "case_id", "model_sha256", "certificate_sha256", "detail")


def now() -> str:
    """The time as the worklist writes it: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True)
class AuditEntry:
    """One line of the log.

    Attributes:
        number: counts from 1 without gaps.
        time: ISO 8601, UTC.
        owner: whose worklist it is about; empty for the shared one.
        actor: the person, or ``"cxr"``.
        action: what happened, e.g. ``"signed"``.
        case_id: the case; empty where it is about none.
        model_sha256: hash of the model.onnx that was in use.
        certificate_sha256: seal of its operating points.
        detail: JSON object.
        previous: hash of the entry before.
        hash: of all of the above.
    """

    number: int
    time: str
    owner: str
    actor: str
    action: str
    case_id: str
    model_sha256: str
    certificate_sha256: str
    detail: str
    previous: str
    hash: str


def append_entry(
    connection: sqlite3.Connection,
    *,
    owner: str,
    actor: str,
    action: str,
    case_id: str = "",
    model_sha256: str = "",
    certificate_sha256: str = "",
    detail: dict[str, object] | None = None,
) -> str:
    """Add an entry; call it inside the transaction that does what it tells of.

    Returns:
        The entry's hash.
    """
    last = connection.execute("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1").fetchone()
    number, previous = (last["number"] + 1, last["hash"]) if last else (1, GENESIS)
    values = {
        "number": number,
        "time": now(),
        "owner": owner,
        "actor": actor,
        "action": action,
        "case_id": case_id,
        "model_sha256": model_sha256,
        "certificate_sha256": certificate_sha256,
        "detail": json.dumps(detail or {}, sort_keys=True),
    }
    digest = _digest(values, previous)
    connection.execute(
        f"INSERT INTO audit ({', '.join(_HASHED)}, previous, hash) VALUES ({', '.join('?' * (len(_HASHED) + 2))})",
        [*values.values(), previous, digest],
    )
    return digest


def read_entries(connection: sqlite3.Connection, owners: tuple[str, ...], limit: int) -> list[AuditEntry]:
    """The latest entries about the worklists of ``owners``, newest first."""
    marks = ", ".join("?" * len(owners))
    rows = connection.execute(
        f"SELECT * FROM audit WHERE owner IN ({marks}) ORDER BY number DESC LIMIT ?", [*owners, limit]
    )
    return [AuditEntry(**dict(row)) for row in rows]


def verify_chain(connection: sqlite3.Connection) -> tuple[int, str, int | None]:
    """Recompute every hash.

    Returns:
        Number of entries, the last hash, and the number of the first entry that is not as it was written
        (``None`` if all are).
    """
    previous, count = GENESIS, 0
    for row in connection.execute("SELECT * FROM audit ORDER BY number"):
        values = {name: row[name] for name in _HASHED}
        count += 1
        if row["number"] != count or row["previous"] != previous or row["hash"] != _digest(values, previous):
            return count, previous, int(row["number"])
        previous = row["hash"]
    return count, previous, None


def _digest(values: dict[str, object], previous: str) -> str:
    text = json.dumps([*(values[name] for name in _HASHED), previous], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
