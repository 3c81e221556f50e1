"""Stages 3 to 5 on one sentence: its mentions, what is said about them, and their attributes.

The result depends on nothing but the sentence, so that it can be remembered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nlp_labeler.assertion import assert_surface, leaves_choice
from nlp_labeler.attributes import find_attributes
from nlp_labeler.coverage import Understanding, understand
from nlp_labeler.cues import CueMatch, find_cues
from nlp_labeler.document import Assertion, Attributes, Mention, Verdict
from nlp_labeler.mentions import Lexicon
from nlp_labeler.words import Words, normalize

__all__ = ["AnalyzedMention", "Analyzer", "SentenceAnalysis", "analyze_surface", "graph_analyzer"]

_VAGUE = "unspecified"  # "an abnormality" says nothing that could be understood


@dataclass(frozen=True, slots=True)
class AnalyzedMention:
    """A mention with its verdict and attributes; offsets count in the sentence as written."""

    concept: str
    start: int
    end: int
    assertion: Assertion
    rule: str
    cue: tuple[int, int] | None
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class SentenceAnalysis:
    """The mentions of a sentence, and how much of it was understood."""

    mentions: tuple[AnalyzedMention, ...]
    understanding: Understanding


Analyzer = Callable[[Sequence[str]], list[SentenceAnalysis]]
"""Analyses sentences, given as written, in order."""


def analyze_surface(lexicon: Lexicon, sentences: Sequence[str]) -> list[SentenceAnalysis]:
    """The mentions of sentences under the surface rules."""
    results: list[SentenceAnalysis] = []
    for sentence in sentences:
        words = normalize(sentence)
        mentions = lexicon.find(words)
        verdicts = assert_surface(words, mentions, find_cues(words)) if mentions else []
        results.append(_assemble(sentence, words, mentions, verdicts))
    return results


def graph_analyzer(lexicon: Lexicon) -> Analyzer:
    """The analyzer that asks a dependency parse for the scope of cues.

    Only sentences that hold a mention and a cue are parsed, and of those only the ones in which a verdict hangs on a
    doubtful scope: nothing is to be learnt about "There is no effusion or pneumothorax."

    Raises:
        MissingExtraError: if spaCy is not installed.
    """
    from nlp_labeler.graph import GraphAsserter
    from nlp_labeler.parser.model import load_parser, parse

    nlp = load_parser()
    asserter = GraphAsserter(nlp.vocab)

    def analyze(sentences: Sequence[str]) -> list[SentenceAnalysis]:
        prepared = [_Prepared.of(lexicon, sentence) for sentence in sentences]
        docs = parse(nlp, [list(item.words.tokens) for item in prepared if item.needs_parse])
        results: list[SentenceAnalysis] = []
        for sentence, item in zip(sentences, prepared, strict=True):
            if item.needs_parse:
                verdicts = asserter.verdicts(next(docs), item.words, item.mentions, item.cues)
            else:
                verdicts = assert_surface(item.words, item.mentions, item.cues)
            results.append(_assemble(sentence, item.words, item.mentions, verdicts))
        return results

    return analyze


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A sentence with its mentions and cues, before any verdict."""

    words: Words
    mentions: list[Mention]
    cues: list[CueMatch]
    needs_parse: bool

    @classmethod
    def of(cls, lexicon: Lexicon, sentence: str) -> "_Prepared":
        words = normalize(sentence)
        mentions = lexicon.find(words)
        cues = find_cues(words) if mentions else []
        return cls(words, mentions, cues, leaves_choice(words, mentions, cues))


def _assemble(
    sentence: str, words: Words, mentions: Sequence[Mention], verdicts: Sequence[Verdict]
) -> SentenceAnalysis:
    present = [verdict.assertion is not Assertion.NEGATED for verdict in verdicts]
    attributes = find_attributes(words, mentions, present)
    said: list[tuple[int, int]] = []
    denied: list[tuple[int, int]] = []
    for mention, verdict in zip(mentions, verdicts, strict=True):
        if verdict.assertion is Assertion.NEGATED:
            denied.append((mention.start, mention.end))
            if verdict.cue is not None:
                denied.append(verdict.cue)
        elif mention.concept != _VAGUE and verdict.assertion is not Assertion.HYPOTHETICAL:
            said.append((mention.start, mention.end))
    return SentenceAnalysis(
        tuple(
            AnalyzedMention(
                mention.concept,
                *words.source(mention.start, mention.end),
                verdict.assertion,
                verdict.rule,
                verdict.cue and words.source(*verdict.cue),
                attribute,
            )
            for mention, verdict, attribute in zip(mentions, verdicts, attributes, strict=True)
        ),
        understand(sentence, words, said, denied),
    )
