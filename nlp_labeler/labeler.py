"""The labeler: text in, labels with evidence out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from nlp_labeler.aggregate import COLUMNS, aggregate
from nlp_labeler.analysis import SentenceAnalysis, analyze_surface, graph_analyzer
from nlp_labeler.document import AssertedMention, Report, ReportLabels, Sentence, Span
from nlp_labeler.errors import ConfigError, LabelerError
from nlp_labeler.memory import SentenceMemory
from nlp_labeler.mentions import concepts
from nlp_labeler.parallel import chunks, map_chunks
from nlp_labeler.policies.schema import Policy, load_policy
from nlp_labeler.sentences import segment
from nlp_labeler.words import is_familiar

__all__ = ["ENGINES", "Labeler"]

ENGINES: tuple[str, ...] = ("auto", "graph", "surface")
"""``graph`` needs spaCy; ``surface`` runs on the base install; ``auto`` takes the best that is installed."""

_REMEMBERED_SENTENCES = 4096  # of each of two generations: more are not met again often enough to be worth their memory
_REPORTS_PER_BATCH = 128
_OUTSIDE_THE_CHEST = "extremity"


class Labeler:
    """Labels reports under one policy with one engine; make it with :meth:`load`.

    Args:
        policy: the labelling convention.
        engine: ``"graph"`` or ``"surface"``.
    """

    def __init__(self, policy: Policy, engine: str) -> None:
        self.policy = policy
        self.engine = engine
        analyze = graph_analyzer() if engine == "graph" else analyze_surface
        self._memory = SentenceMemory(analyze, _REMEMBERED_SENTENCES)

    @classmethod
    def load(cls, policy: str | Path = "openi", engine: str = "auto") -> "Labeler":
        """A labeler.

        Args:
            policy: name of a shipped policy, or path of a policy file.
            engine: one of :data:`ENGINES`.

        Raises:
            ConfigError: if the policy or the engine does not exist or is not valid.
            MissingExtraError: if the graph engine is asked for and spaCy is not installed.
        """
        if engine not in ENGINES:
            raise ConfigError(f"no engine {engine!r}; choose one of {', '.join(ENGINES)}")
        if engine == "auto":
            engine = "graph" if find_spec("spacy") is not None else "surface"
        return cls(load_policy(policy), engine)

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
            results = map_chunks(_batch_labeler, (self.policy, self.engine), batches, n_process)
        for batch in results:
            yield from batch

    def _finish(self, report: Report, analyses: Iterator[SentenceAnalysis]) -> ReportLabels:
        """Aggregate a report; takes as many analyses as it has sentences."""
        mentions: list[AssertedMention] = []
        for sentence in report.sentences:
            mentions.extend(self._place(sentence, next(analyses)))
        status = _status(report, mentions)
        labels = aggregate(mentions, self.policy) if status == "ok" else dict.fromkeys(COLUMNS)
        return ReportLabels(report.text, labels, tuple(mentions), status, self.policy.name, self.engine)

    def _place(self, sentence: Sentence, analysis: SentenceAnalysis) -> Iterator[AssertedMention]:
        """The mentions of a sentence with their place in the report and their meaning under the policy."""
        for item in analysis:
            concept = concepts()[item.concept]
            abnormal = self.policy.abnormal.get(item.concept, concept.abnormal)
            yield AssertedMention(
                concept=item.concept,
                finding=self.policy.findings.get(item.concept, concept.finding) or None,
                abnormal=abnormal and item.attributes.zone != _OUTSIDE_THE_CHEST,
                text=sentence.text[item.start : item.end],
                start=sentence.start + item.start,
                end=sentence.start + item.end,
                sentence=sentence.text,
                sentence_start=sentence.start,
                section=sentence.section,
                assertion=item.assertion,
                rule=item.rule,
                cue=item.cue and Span(sentence.start + item.cue[0], sentence.start + item.cue[1]),
                severity=item.attributes.severity,
                side=item.attributes.side,
                zone=item.attributes.zone,
                change=item.attributes.change,
                cui=concept.cui,
                radlex=concept.radlex,
            )


def _status(report: Report, mentions: Sequence[AssertedMention]) -> str:
    """``"ok"``, or why a report says nothing: silence must not pass for No Finding."""
    if not report.text.strip():
        return "empty"
    if not report.sentences:
        return "no labeled section"
    if not mentions and not any(is_familiar(sentence.text) for sentence in report.sentences):
        return "not understood"
    return "ok"


def _batch_labeler(policy: Policy, engine: str) -> Callable[[Sequence[str]], list[ReportLabels]]:
    """What every process of :meth:`Labeler.pipe` runs, with its own labeler."""
    return Labeler(policy, engine).label_batch
