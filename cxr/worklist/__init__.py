"""What a clinic's triage page remembers: cases, results, decisions, who did what. No user interface.

- :class:`Worklist`: all of it, in one folder; survives a restart at any moment
- :class:`Case`, :class:`Cases`, :class:`Subject`: images, their results, who may see them
- :class:`CaseQueue`: what waits to be screened
- :class:`Decision`, :class:`Decisions`: what readers signed
- :class:`AuditEntry`: the append-only log, a chain of hashes
- :class:`PictureStore`: what there is to look at
- :class:`Inbox`, :class:`WatchedFolder`, :func:`import_results`: the ways in
- :class:`ScreeningWorker`: screens in the background
"""

from cxr.worklist.audit_log import AuditEntry
from cxr.worklist.case import SHARED, Case, Subject
from cxr.worklist.case_queue import CaseQueue
from cxr.worklist.cases import Cases
from cxr.worklist.decisions import Decision, Decisions
from cxr.worklist.folder import WatchedFolder
from cxr.worklist.inbox import Inbox
from cxr.worklist.picture_store import PictureStore
from cxr.worklist.results_import import import_results
from cxr.worklist.worker import ScreeningWorker
from cxr.worklist.worklist import Worklist

__all__ = [
    "SHARED",
    "AuditEntry",
    "Case",
    "CaseQueue",
    "Cases",
    "Decision",
    "Decisions",
    "Inbox",
    "PictureStore",
    "ScreeningWorker",
    "Subject",
    "WatchedFolder",
    "Worklist",
    "import_results",
]
