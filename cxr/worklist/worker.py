"""Screens what waits on a worklist, in the background, for as long as the program runs."""

import logging
import threading
from pathlib import Path

from cxr.errors import RefusalCode, RefusedInputError
from cxr.screening import Examination, Screener
from cxr.worklist.case import Case
from cxr.worklist.case_queue import CaseQueue
from cxr.worklist.inbox import REFUSED, Inbox
from cxr.worklist.pictures import pictures_of
from cxr.worklist.subject import subject_of

__all__ = ["ScreeningWorker"]

_LOG = logging.getLogger(__name__)
_IDLE_SECONDS = 0.5


class ScreeningWorker:
    """Threads that take waiting cases in turn. A case that was begun when the program died is begun again.

    Args:
        queue: of the worklist.
        inbox: whose copies are deleted once their result is written.
        screener: made with ``threads=1`` where ``threads`` fill the cores.
        threads: cases worked on at once.
    """

    def __init__(self, queue: CaseQueue, inbox: Inbox, screener: Screener, threads: int) -> None:
        self._queue = queue
        self._inbox = inbox
        self._screener = screener
        self._certificate = screener.bundle.operating_points.content_sha256
        self._work = threading.Event()
        self._stopping = False
        self._served = ""
        self._turn = threading.Lock()
        self._threads = [threading.Thread(target=self._run, name=f"screen-{n}", daemon=True) for n in range(threads)]

    def start(self) -> None:
        """Begin, with whatever waits."""
        self._queue.release_claims()
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Say that there is something new, so that it is not found only at the next look."""
        self._work.set()

    def stop(self) -> None:
        """End after the cases that are being screened."""
        self._stopping = True
        self._work.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._stopping:
            with self._turn:
                claimed = self._queue.claim(after=self._served)
                if claimed:
                    self._served = claimed[0].owner
            if claimed is None:
                self._work.wait(_IDLE_SECONDS)
                self._work.clear()
                continue
            try:
                self._screen(*claimed)
            except Exception as error:
                # The case stays claimed and is tried again at the next start; the others go on. What the error
                # says may quote the file.
                _LOG.error("a result could not be written: %s", type(error).__name__)

    def _screen(self, case: Case, source: Path) -> None:
        if source.suffix == REFUSED and self._inbox.holds(source):
            code, _, message = source.read_text().partition("\n")
            examination = self._screener.refuse(case.name, RefusedInputError(RefusalCode(code), message))
        else:
            examination = self._screener.examine(case.name, source)
        artifacts = examination.artifacts
        self._queue.finish(
            case.id,
            examination.result,
            subject_of(artifacts.metadata if artifacts else None, case.name),
            size=_size(examination),
            pictures=pictures_of(examination),
            certificate_sha256=self._certificate,
        )
        if self._inbox.holds(source):
            source.unlink(missing_ok=True)


def _size(examination: Examination) -> tuple[int, int] | None:
    """Width and height in pixels."""
    if examination.artifacts is None:
        return None
    height, width = examination.artifacts.pixels.shape
    return width, height
