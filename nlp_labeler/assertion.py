"""Stage 4, classify: one verdict for every mention from the cues that govern it."""

from collections.abc import Sequence

from nlp_labeler.cues import STOPS, CueMatch
from nlp_labeler.document import Assertion, Mention, Verdict
from nlp_labeler.scope import covers, cue_scope
from nlp_labeler.words import Words

__all__ = ["Governor", "assert_surface", "decide", "rank"]

Governor = tuple[CueMatch, str]
"""A cue that governs a mention, and the engine that says so."""

# Where several cues govern a mention the first of these decides.
_PRECEDENCE = (
    Assertion.NEGATED,
    Assertion.RESOLVED,
    Assertion.HYPOTHETICAL,
    Assertion.HISTORICAL,
    Assertion.UNCERTAIN,
)
# Among doubts the stronger decides ("possible atelectasis versus scar" is possible); these are weak, weakest first.
_WEAK_DOUBTS = ("alternative", "compatible", "probable", "probable_after", "suggest")


def assert_surface(words: Words, mentions: Sequence[Mention], cues: Sequence[CueMatch]) -> list[Verdict]:
    """The verdicts by scope in the surface order of words."""
    scopes = [(cue, cue_scope(words, cue, cues)) for cue in cues if cue.rule not in STOPS]
    return [
        decide(mention, [(cue, "surface") for cue, scope in scopes if covers(cue, scope, mention)], "surface")
        for mention in mentions
    ]


def decide(mention: Mention, governors: Sequence[Governor], engine: str) -> Verdict:
    """The verdict on a mention.

    Args:
        mention: the mention.
        governors: the cues that govern it.
        engine: the engine that found nothing, where there are none.
    """
    if mention.normal:
        return Verdict(Assertion.NEGATED, "lexicon:normal", (mention.start, mention.end))
    if not governors:
        return Verdict(Assertion.AFFIRMED, f"{engine}:affirmed")
    cue, found_by = min(governors, key=lambda governor: rank(governor[0]))
    return Verdict(_assertion(cue), f"{found_by}:{cue.rule}", (cue.start, cue.end))


def _assertion(cue: CueMatch) -> Assertion:
    if cue.cue.assertion is None:
        raise ValueError(f"{cue.rule} is a stop and governs nothing")
    return cue.cue.assertion


def rank(cue: CueMatch) -> tuple[int, int]:
    """The place of a deciding cue among several that govern one mention: the least decides."""
    name = cue.rule.split(".")[1]
    weakness = len(_WEAK_DOUBTS) - _WEAK_DOUBTS.index(name) if name in _WEAK_DOUBTS else 0
    return _PRECEDENCE.index(_assertion(cue)), weakness
