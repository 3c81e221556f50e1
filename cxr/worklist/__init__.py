"""What a clinic's triage page remembers: cases, results, decisions, who did what. No user interface.

- :class:`Worklist`, :class:`WorklistWorker`: all of it, in one folder, and what screens it in the background
- :class:`Case`, :class:`Cases`, :class:`Subject`: images, their results, who may see them
- :class:`CaseQueue`: what waits to be screened
- :class:`Decision`, :class:`Decisions`: what readers signed
- :class:`AuditEntry`: the append-only log, a chain of hashes
- :class:`PictureStore`: what there is to look at
- :class:`Inbox`, :class:`WatchedFolder`, :func:`import_results`: the ways in
"""

from cxr.worklist.audit_log import AuditEntry
from cxr.worklist.cases import Case, CaseQueue, Cases
from cxr.worklist.database import SHARED
from cxr.worklist.decisions import UNSIGNED, Decision, Decisions
from cxr.worklist.intake import Inbox, NewImage, WatchedFolder
from cxr.worklist.pictures import PictureStore
from cxr.worklist.results_import import import_results
from cxr.worklist.subject import Subject
from cxr.worklist.worklist import Worklist, WorklistWorker

__all__ = [
    "SHARED",
    "UNSIGNED",
    "AuditEntry",
    "Case",
    "CaseQueue",
    "Cases",
    "Decision",
    "Decisions",
    "Inbox",
    "NewImage",
    "PictureStore",
    "Subject",
    "WatchedFolder",
    "Worklist",
    "WorklistWorker",
    "import_results",
]
