"""Remembers the analysis of sentences, since reports repeat themselves: "The lungs are clear." is analysed once."""

from collections.abc import Sequence

from nlp_labeler.analysis import Analyzer, SentenceAnalysis

__all__ = ["SentenceMemory"]


class SentenceMemory:
    """An analyzer that remembers what it was lately asked, in bounded space.

    Two generations are kept. A sentence that is asked for moves to the young one; when that is full it becomes the
    old one, and what was old is forgotten.

    Args:
        analyze: the analyzer behind it.
        capacity: sentences per generation.
    """

    def __init__(self, analyze: Analyzer, capacity: int) -> None:
        self._analyze = analyze
        self._capacity = capacity
        self._young: dict[str, SentenceAnalysis] = {}
        self._old: dict[str, SentenceAnalysis] = {}

    def analyze(self, sentences: Sequence[str]) -> list[SentenceAnalysis]:
        """The analyses of sentences in order; those not remembered are analysed together."""
        known: dict[str, SentenceAnalysis] = {}
        unknown: dict[str, None] = {}
        for sentence in sentences:
            analysis = self._young.get(sentence)
            if analysis is None:
                analysis = self._old.get(sentence)
                if analysis is None:
                    unknown[sentence] = None
                    continue
                self._remember(sentence, analysis)
            known[sentence] = analysis
        if unknown:
            for sentence, analysis in zip(unknown, self._analyze(list(unknown)), strict=True):
                known[sentence] = analysis
                self._remember(sentence, analysis)
        return [known[sentence] for sentence in sentences]

    def _remember(self, sentence: str, analysis: SentenceAnalysis) -> None:
        if len(self._young) >= self._capacity:
            self._old, self._young = self._young, {}
        self._young[sentence] = analysis
