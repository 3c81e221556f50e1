"""The audit page."""

import json
from collections.abc import Sequence

from app.rendering import Texts, render
from cxr.worklist.audit_log import AuditEntry
from cxr.worklist.monitoring import MIN_FOR_DRIFT, Monitoring

__all__ = ["audit_html"]

_DAYS_SHOWN = 14


def audit_html(
    report: Monitoring, entries: Sequence[AuditEntry], chain: tuple[int, str, int | None], texts: Texts
) -> str:
    """Volumes, agreement, drift, subgroups, certificates and the log.

    Args:
        report: what monitoring found.
        entries: of the log, newest first.
        chain: number of entries, last hash and the first altered entry, see :mod:`cxr.worklist.audit_log`.
        texts: words of the page.
    """
    count, last, broken = chain
    return render(
        "audit.html.j2",
        texts,
        report=report,
        days=report.days[:_DAYS_SHOWN],
        needed_for_drift=MIN_FOR_DRIFT,
        entries=[(entry, _words(entry, texts)) for entry in entries],
        count=count,
        last=last,
        broken=broken,
    )


def _words(entry: AuditEntry, texts: Texts) -> str:
    """An entry's detail as people read it: ``triage: refer``."""
    return ", ".join(f"{key}: {_plain(value, texts)}" for key, value in json.loads(entry.detail).items())


def _plain(value: object, texts: Texts) -> str:
    if isinstance(value, dict):
        verdicts = [
            f"{name} {texts('findings.present' if there else 'findings.absent')}" for name, there in value.items()
        ]
        return ", ".join(verdicts) or texts("audit.nothing")
    if isinstance(value, bool):
        return texts("audit.yes" if value else "audit.no")
    return str(value)
