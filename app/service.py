"""What the page works on: the worklist, the bundle, the index, a watched folder. No user interface."""

import logging
import threading
from pathlib import Path

import numpy as np

from app.examples import example_files
from app.operating_choice import OperatingChoice, Policy
from cxr.errors import CxrError
from cxr.retrieval.index import Entry, ImageIndex, Neighbour, most_similar
from cxr.screening.screener import Screener, default_workers
from cxr.worklist.cases import Case
from cxr.worklist.database import SHARED
from cxr.worklist.decisions import Decision
from cxr.worklist.intake import NewImage, WatchedFolder
from cxr.worklist.pictures import EMBEDDING, THUMBNAIL
from cxr.worklist.results_import import RESULTS_FILE, import_results
from cxr.worklist.worklist import Worklist

__all__ = ["TriageService"]

_LOG = logging.getLogger(__name__)
_LOOK_SECONDS = 2.0
_SIMILAR = 5


class TriageService:
    """The state behind every visitor's page.

    Args:
        data: folder that remembers everything.
        bundle: bundle folder; ``None`` is the one shipped.
        folder: images to watch, or results of ``cxr screen`` to show; ``None`` for neither.
        index: made by ``cxr index``; ``None`` compares with the other cases of the worklist.

    Raises:
        CxrError: if any of them cannot be used.
    """

    def __init__(
        self, data: Path, *, bundle: Path | None = None, folder: Path | None = None, index: Path | None = None
    ) -> None:
        self.screener = Screener(bundle, threads=1)
        self.bundle = self.screener.bundle
        self._index = ImageIndex(index, self.bundle.embedding_sha256) if index else None
        self.worklist = Worklist(data, self.screener, threads=default_workers())
        self._stopped = threading.Event()
        self._watched: WatchedFolder | None = None
        if folder is not None and (folder / RESULTS_FILE).is_file():
            import_results(folder, self.worklist.queue, self.worklist.certificate_sha256)
        elif folder is not None:
            self._watched = WatchedFolder(folder, self.worklist.inbox, self.worklist.queue.knows)
        self.worklist.worker.start()
        if self._watched:
            threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def policy(self, choice: OperatingChoice) -> Policy:
        """The thresholds of a choice."""
        return Policy(self.bundle.operating_points, self.bundle.score_reference, choice)

    def admit(self, owner: str, file: Path, name: str) -> int:
        """Put an upload on a visitor's worklist; returns how many cases that made.

        Args:
            owner: the visitor.
            file: from the inbox, written.
            name: what the visitor called it.
        """
        return len(self.worklist.add(owner, self.worklist.inbox.unpack(file, name)))

    def receive_examples(self, viewer: str) -> int:
        """Put the example cases on a visitor's worklist, once; returns how many were added."""
        films = [NewImage(film.name, film, f"example:{viewer}:{film.name}") for film in example_files()]
        return len(self.worklist.add(viewer, [film for film in films if not self.worklist.queue.knows(film.origin)]))

    def similar(self, viewer: str, case: Case) -> list[Neighbour]:
        """Images of other patients that look most like a case; empty if there is nothing to compare with."""
        content = self.worklist.pictures.get(viewer, case.id, EMBEDDING)
        if content is None or case.model_sha256 != self.worklist.model.sha256:
            return []
        embedding = np.frombuffer(content, dtype="<f4")
        if self._index is not None:
            return self._index.search(embedding, _SIMILAR, patient=case.subject.patient)
        return self._similar_on_worklist(viewer, case, embedding)

    def _similar_on_worklist(self, viewer: str, case: Case, embedding: np.ndarray) -> list[Neighbour]:
        others = {
            c.id: c
            for c in self.worklist.cases.visible(viewer)
            if c.status == "screened"
            and c.id != case.id
            and c.model_sha256 == case.model_sha256
            # Without a patient's number two files may be one patient: better none than the wrong one.
            and c.subject.patient
            and c.subject.patient != case.subject.patient
        }
        if not others or not case.subject.patient:
            return []
        vectors = self.worklist.pictures.of_cases(viewer, list(others), EMBEDDING)
        ids = list(vectors)
        matrix = np.stack([np.frombuffer(vectors[case_id], dtype="<f4") for case_id in ids])
        policy, signed = self.policy(OperatingChoice()), self.worklist.decisions.all_latest(viewer)
        return [
            Neighbour(self._entry(viewer, others[ids[row]], signed.get(ids[row]), policy), cosine)
            for row, cosine in most_similar(embedding, matrix, _SIMILAR)
        ]

    def _entry(self, viewer: str, case: Case, decision: Decision | None, policy: Policy) -> Entry:
        """A case as an example, with what its reader signed where one did."""
        thumbnail = self.worklist.pictures.get(viewer, case.id, THUMBNAIL) or b""
        patient = case.subject.patient or ""
        if decision is None:
            return Entry(case.name, patient, policy.flagged(case.probabilities), "model", thumbnail)
        findings = tuple(name for name, there in decision.verdicts.items() if there)
        return Entry(case.name, patient, findings, "labels", thumbnail)

    def _watch(self) -> None:
        while self._watched and not self._stopped.wait(_LOOK_SECONDS):
            try:
                self.worklist.add(SHARED, self._watched.look())
            except (OSError, CxrError) as error:
                _LOG.warning("the folder could not be looked at: %s", type(error).__name__)

    def close(self) -> None:
        """Stop screening after the cases in hand, and give the data folder free."""
        self._stopped.set()
        self.worklist.worker.stop()
        self.worklist.close()
