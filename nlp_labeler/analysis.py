"""Stages 3 to 5 on one sentence: its mentions, what is said about them, and their attributes.

The result depends on nothing but the sentence, so that it can be remembered.
"""

from dataclasses import dataclass

from nlp_labeler.assertion import assert_surface, find_cues
from nlp_labeler.attributes import find_attributes
from nlp_labeler.document import Assertion, Attributes
from nlp_labeler.mentions import find_mentions
from nlp_labeler.words import normalize

__all__ = ["AnalyzedMention", "SentenceAnalysis", "analyze_surface"]


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


SentenceAnalysis = tuple[AnalyzedMention, ...]


def analyze_surface(sentence: str) -> SentenceAnalysis:
    """The mentions of a sentence under the surface rules."""
    words = normalize(sentence)
    mentions = find_mentions(words)
    if not mentions:
        return ()
    verdicts = assert_surface(words, mentions, find_cues(words))
    attributes = find_attributes(words, mentions)
    return tuple(
        AnalyzedMention(
            mention.concept,
            *words.source(mention.start, mention.end),
            verdict.assertion,
            verdict.rule,
            verdict.cue and words.source(*verdict.cue),
            attribute,
        )
        for mention, verdict, attribute in zip(mentions, verdicts, attributes, strict=True)
    )
