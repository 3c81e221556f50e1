"""A thread that turns received radiographs into results, one at a time."""

import logging
import threading

from cxr.errors import RefusalCode
from cxr.outputs.writers.dicom import dicom_bytes, dicom_results
from cxr.outputs.writers.gsps import presentation_state
from cxr.pacs.spool import Spool, SpoolState
from cxr.screening.artifacts import Examination
from cxr.screening.screener import Screener

__all__ = ["SpoolWorker"]

_LOG = logging.getLogger(__name__)
_MAX_ATTEMPTS = 5
_IDLE_SECONDS = 1.0
_REST_SECONDS = 30.0


class SpoolWorker(threading.Thread):
    """Works until told to stop; what it was working on then is finished first.

    Args:
        spool: where radiographs come from and results go.
        screener: made with ``threads=1`` where several workers fill the cores.
        wake: set when there may be something to do.
        stop: set when the thread is to end.
        on_results: set after results were kept.
        gsps: whether boxes are also kept as a presentation state.
    """

    def __init__(
        self,
        spool: Spool,
        screener: Screener,
        wake: threading.Event,
        stop: threading.Event,
        on_results: threading.Event,
        *,
        gsps: bool = False,
    ) -> None:
        super().__init__(name="screening", daemon=True)
        self._spool, self._screener = spool, screener
        self._wake, self._stopped, self._on_results = wake, stop, on_results
        self._gsps = gsps

    def run(self) -> None:
        """Screen whatever is received."""
        while not self._stopped.is_set():
            self._wake.clear()
            if not self._work():
                self._wake.wait(_IDLE_SECONDS)

    def _work(self) -> bool:
        """Screen one object; whether there was one."""
        with self._spool.claimed(SpoolState.RECEIVED) as found:
            if found is None:
                return False
            key, attempts = found
            try:
                # Whatever kills the process five times in a row is caused by the object itself.
                if attempts >= _MAX_ATTEMPTS:
                    self._refuse(key, RefusalCode.SCREENING_FAILED, {})
                else:
                    self._screen(key)
            except OSError as error:
                _LOG.error("the spool takes no results: %s", error.strerror or type(error).__name__)
                self._spool.postpone(key, _REST_SECONDS, attempts)
        self._on_results.set()
        return True

    def _screen(self, key: str) -> None:
        """Screen one object and keep its results: the report and the picture, or the report that says why not."""
        source = self._spool.object_file(key)
        examination = self._screener.examine(key, source)
        results = self._results(examination, key)
        if examination.result.refusal is not None:
            self._refuse(key, examination.result.refusal.code, results)
        elif results:
            self._spool.screened(key, results)
        else:
            self._refuse(key, RefusalCode.SCREENING_FAILED, {})

    def _results(self, examination: Examination, key: str) -> dict[str, bytes]:
        """DICOM files by kind; none where the object is too damaged to be referred to."""
        try:
            results = dicom_results(examination)
            if self._gsps and (state := presentation_state(examination)) is not None:
                results["gsps"] = state
            return {kind: dicom_bytes(dataset) for kind, dataset in results.items()}
        except Exception as error:
            # Headers of real archives break rules that the standard's objects must keep.
            _LOG.warning("no DICOM results for object %s: %s", key[:12], type(error).__name__)
            return {}

    def _refuse(self, key: str, code: RefusalCode, results: dict[str, bytes]) -> None:
        """Keep the report that says why an object was not screened; without one, count it."""
        if results:
            self._spool.screened(key, results, code)
        else:
            self._spool.refused(key, code)
        _LOG.warning("object %s was refused: %s", key[:12], code)
