"""The labeler: text in, labels with evidence out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from nlp_labeler.aggregate import aggregate
from nlp_labeler.analysis import SentenceAnalysis, analyze_surface, graph_analyzer
from nlp_labeler.coverage import Understanding, limits
from nlp_labeler.document import AssertedMention, Report, ReportLabels, Sentence, Span, Status
from nlp_labeler.errors import ConfigError, LabelerError, MissingExtraError
from nlp_labeler.findings import NO_FINDING, FindingTable
from nlp_labeler.memory import SentenceMemory
from nlp_labeler.mentions import lexicon_of
from nlp_labeler.parallel import chunks, map_chunks
from nlp_labeler.policies.schema import Policy, load_policy
from nlp_labeler.segmentation import segment

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ENGINES", "Labeler"]

ENGINES: tuple[str, ...] = ("auto", "graph", "surface")
"""``graph`` needs spaCy; ``surface`` runs on the base install; ``auto`` takes the best that is installed."""

_REMEMBERED_SENTENCES = 4096  # of each of two generations: more are not met again often enough to be worth their memory
_REPORTS_PER_BATCH = 128
_OUTSIDE_THE_CHEST = "extremity"
_FOREIGN = 4  # a word that only other languages have, and one that English has not


class Labeler:
    """Labels reports under one policy with one engine; make it with :meth:`load`.

    Args:
        policy: the labelling convention.
        engine: ``"graph"`` or ``"surface"``.
        labels: a label space of the user's own; ``None`` is the shipped one.

    Attributes:
        columns: the label columns of every result, ``No Finding`` last.
    """

    def __init__(self, policy: Policy, engine: str, labels: FindingTable | None = None) -> None:
        self.policy = policy
        self.engine = engine
        self.labels = labels
        self._lexicon = lexicon_of(labels)
        self.columns = (*self._lexicon.labels, NO_FINDING)
        analyze = graph_analyzer(self._lexicon) if engine == "graph" else partial(analyze_surface, self._lexicon)
        self._memory = SentenceMemory(analyze, _REMEMBERED_SENTENCES)

    @classmethod
    def load(
        cls, policy: str | Path = "openi", engine: str = "auto", labels: FindingTable | Path | str | None = None
    ) -> "Labeler":
        """A labeler.

        Args:
            policy: name of a shipped policy, or path of a policy file.
            engine: one of :data:`ENGINES`.
            labels: a label space of the user's own, or the path of its file; ``None`` is the shipped one.

        Raises:
            ConfigError: if the policy, the engine or the label space does not exist or is not valid.
            MissingExtraError: if the graph engine is asked for and spaCy is not installed.
        """
        if engine not in ENGINES:
            raise ConfigError(f"no engine {engine!r}; choose one of {', '.join(ENGINES)}")
        if engine == "auto":
            engine = "graph" if find_spec("spacy") is not None else "surface"
        if isinstance(labels, Path | str):
            labels = FindingTable.load(Path(labels))
        return cls(load_policy(policy), engine, labels)

    def label(self, text: str) -> ReportLabels:
        """Label one report.

        Raises:
            LabelerError: if ``text`` is not a string.
        """
        return self.label_batch([text])[0]

    def label_batch(self, texts: Sequence[str]) -> list[ReportLabels]:
        """Label reports together, so that their sentences are parsed together.

        Raises:
            LabelerError: if one is not a string.
        """
        for text in texts:
            if not isinstance(text, str):
                raise LabelerError(f"a report must be a string, not {type(text).__name__}")
        reports = [segment(text) for text in texts]
        sentences = [sentence for report in reports for sentence in report.sentences]
        analyses = iter(self._memory.analyze([sentence.text for sentence in sentences]))
        return [self._finish(report, analyses) for report in reports]

    def frame(self, texts: "Iterable[str] | pd.Series[str]", n_process: int = 1) -> "pd.DataFrame":
        """Label many reports into a table.

        Args:
            texts: any number of reports; of a Series, the index is kept.
            n_process: processes to share the work between.

        Returns:
            One row a report: a column per label (1, 0, -1, or missing where it is not mentioned), ``status`` and
            ``coverage``.

        Raises:
            ConfigError: if ``n_process`` is not positive.
            LabelerError: if a report is not a string.
            MissingExtraError: if pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise MissingExtraError("Labeler.frame", "label") from error
        results = list(self.pipe(texts, n_process))
        index = texts.index if isinstance(texts, pd.Series) else None
        table = pd.DataFrame(
            [result.labels for result in results], columns=list(self.columns), index=index, dtype="Int8"
        )
        table["status"] = [str(result.status) for result in results]
        table["coverage"] = [result.coverage for result in results]
        return table

    def pipe(self, texts: Iterable[str], n_process: int = 1) -> Iterator[ReportLabels]:
        """Label many reports in order, reading the source as it goes.

        Args:
            texts: any number of reports.
            n_process: processes to share the work between.

        Raises:
            ConfigError: if ``n_process`` is not positive.
            LabelerError: if a report is not a string.
        """
        if n_process < 1:
            raise ConfigError(f"n_process is {n_process}; it must be at least 1")
        batches = chunks(texts, _REPORTS_PER_BATCH)
        if n_process == 1:
            results: Iterable[list[ReportLabels]] = map(self.label_batch, batches)
        else:
            results = map_chunks(_batch_labeler, (self.policy, self.engine, self.labels), batches, n_process)
        for batch in results:
            yield from batch

    def _finish(self, report: Report, analyses: Iterator[SentenceAnalysis]) -> ReportLabels:
        """Aggregate a report; takes as many analyses as it has sentences."""
        mentions: list[AssertedMention] = []
        unexplained: list[Span] = []
        parts: list[Understanding] = []
        for sentence in report.sentences:
            analysis = next(analyses)
            mentions.extend(self._place(report.text, sentence, analysis))
            unexplained.extend(sentence.place(*passage) for passage in analysis.understanding.passages)
            parts.append(analysis.understanding)
        words = sum(part.words for part in parts)
        coverage = 1 - sum(part.unexplained for part in parts) / words if words else 0.0
        unexplained.extend(sentence.place(0, len(sentence.text)) for sentence in report.unread)
        status = _status(report, parts, coverage, spoken=bool(mentions))
        labels: dict[str, int | None] = dict.fromkeys(self.columns)
        if status is Status.OK:
            labels = aggregate(mentions, self.policy, self.columns)
            if report.unread or coverage < limits().no_finding:
                labels[NO_FINDING] = None
        return ReportLabels(
            report.text,
            labels,
            tuple(mentions) if status is Status.OK else (),
            status,
            self.policy.name,
            self.engine,
            round(coverage, 4),
            tuple(sorted(unexplained, key=lambda span: span.start)),
        )

    def _place(self, text: str, sentence: Sentence, analysis: SentenceAnalysis) -> Iterator[AssertedMention]:
        """The mentions of a sentence with their place in the report and their meaning under the policy."""
        if not analysis.mentions:
            return
        whole = sentence.place(0, len(sentence.text))
        for item in analysis.mentions:
            concept = self._lexicon.concepts[item.concept]
            abnormal = self.policy.abnormal.get(item.concept, concept.abnormal)
            span = sentence.place(item.start, item.end)
            yield AssertedMention(
                concept=item.concept,
                finding=self._lexicon.finding(item.concept, self.policy.findings),
                abnormal=abnormal and item.attributes.zone != _OUTSIDE_THE_CHEST,
                text=text[span.start : span.end],
                start=span.start,
                end=span.end,
                sentence=text[whole.start : whole.end],
                sentence_start=whole.start,
                section=sentence.section,
                assertion=item.assertion,
                rule=item.rule,
                cue=item.cue and sentence.place(*item.cue),
                severity=item.attributes.severity,
                side=item.attributes.side,
                zone=item.attributes.zone,
                change=item.attributes.change,
                cui=concept.cui,
                radlex=concept.radlex,
            )


def _status(report: Report, parts: Sequence[Understanding], coverage: float, *, spoken: bool) -> Status:
    """Whether a report says anything that was understood: silence must not pass for No Finding."""
    if not report.text.strip():
        return Status.EMPTY
    if not report.sentences:
        return Status.NO_LABELED_SECTION
    english, foreign = sum(part.english for part in parts), sum(part.foreign for part in parts)
    if foreign > max(1, english) or any(part.foreign > max(_FOREIGN, 2 * part.english) for part in parts):
        return Status.NOT_ENGLISH
    words = sum(part.words for part in parts)
    if not words or (not spoken and words >= limits().least_words and coverage < limits().understood):
        return Status.NOT_UNDERSTOOD
    return Status.OK


def _batch_labeler(
    policy: Policy, engine: str, labels: FindingTable | None
) -> Callable[[Sequence[str]], list[ReportLabels]]:
    """What every process of :meth:`Labeler.pipe` runs, with its own labeler."""
    return Labeler(policy, engine, labels).label_batch
