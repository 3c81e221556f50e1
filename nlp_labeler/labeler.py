"""The labeler: text in, labels with evidence out."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from nlp_labeler.document import ReportLabels
from nlp_labeler.findings import LABELS, NO_FINDING

__all__ = ["COLUMNS", "Labeler"]

COLUMNS: tuple[str, ...] = (*LABELS, NO_FINDING)
"""Label columns of every result, in order."""


class Labeler:
    """Labels reports under one policy with one engine; make it with :meth:`load`."""

    def __init__(self, policy: str, engine: str) -> None:
        self.policy = policy
        self.engine = engine

    @classmethod
    def load(cls, policy: str | Path = "openi", engine: str = "auto") -> "Labeler":
        """A labeler for a shipped policy's name or the path of a policy file."""
        return cls(str(policy), "surface" if engine == "auto" else engine)

    def label(self, text: str) -> ReportLabels:
        """Label one report."""
        return ReportLabels(text=text, labels=dict.fromkeys(COLUMNS), policy=self.policy, engine=self.engine)

    def pipe(self, texts: Iterable[str], n_process: int = 1) -> Iterator[ReportLabels]:  # noqa: ARG002
        """Label many reports in order, reading the source as it goes."""
        for text in texts:
            yield self.label(text)
