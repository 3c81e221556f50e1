"""The labeler: text in, labels with evidence out."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from nlp_labeler.aggregate import COLUMNS, aggregate
from nlp_labeler.analysis import SentenceAnalysis, analyze_surface
from nlp_labeler.document import AssertedMention, ReportLabels, Sentence, Span
from nlp_labeler.errors import ConfigError
from nlp_labeler.mentions import concepts
from nlp_labeler.policies.schema import Policy, load_policy
from nlp_labeler.sentences import segment

__all__ = ["ENGINES", "Labeler"]

ENGINES: tuple[str, ...] = ("auto", "graph", "surface")
"""``graph`` needs spaCy; ``surface`` runs on the base install; ``auto`` takes the best that is installed."""

_REMEMBERED_SENTENCES = 16384


class Labeler:
    """Labels reports under one policy with one engine; make it with :meth:`load`."""

    def __init__(self, policy: Policy, engine: str) -> None:
        self.policy = policy
        self.engine = engine
        # Reports repeat themselves: "The lungs are clear." is analysed once.
        self._analyze = lru_cache(maxsize=_REMEMBERED_SENTENCES)(analyze_surface)

    @classmethod
    def load(cls, policy: str | Path = "openi", engine: str = "auto") -> "Labeler":
        """A labeler for a shipped policy's name or the path of a policy file."""
        if engine not in ENGINES:
            raise ConfigError(f"no engine {engine!r}; choose one of {', '.join(ENGINES)}")
        return cls(load_policy(policy), "surface")

    def label(self, text: str) -> ReportLabels:
        """Label one report."""
        report = segment(text)
        mentions = tuple(mention for sentence in report.sentences for mention in self._mentions(sentence))
        labels = aggregate(mentions, self.policy)
        status = "ok"
        if not report.sentences:
            status = "no labeled section" if text.strip() else "empty"
            labels = dict.fromkeys(COLUMNS)
        return ReportLabels(text, labels, mentions, status, self.policy.name, self.engine)

    def pipe(self, texts: Iterable[str], n_process: int = 1) -> Iterator[ReportLabels]:  # noqa: ARG002
        """Label many reports in order, reading the source as it goes."""
        for text in texts:
            yield self.label(text)

    def _mentions(self, sentence: Sentence) -> Iterator[AssertedMention]:
        analysis: SentenceAnalysis = self._analyze(sentence.text)
        for item in analysis:
            concept = concepts()[item.concept]
            finding = self.policy.findings.get(item.concept, concept.finding) or None
            yield AssertedMention(
                concept=item.concept,
                finding=finding,
                abnormal=self.policy.abnormal.get(item.concept, concept.abnormal),
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
