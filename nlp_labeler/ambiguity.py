"""Whether a dependency parse could change what the surface scopes say of a sentence."""

from collections.abc import Sequence

from nlp_labeler.assertion import rank
from nlp_labeler.cues import STOPS, CueMatch
from nlp_labeler.document import Mention
from nlp_labeler.scope import covers, cue_scope, hard_end, is_inside, list_goes_on
from nlp_labeler.words import Words

__all__ = ["leaves_choice"]

_YIELDS = (99, 0)  # ranks behind every cue: what no cue governs


def leaves_choice(words: Words, mentions: Sequence[Mention], cues: Sequence[CueMatch]) -> bool:
    """Whether a verdict hangs on a cue whose scope is open to doubt.

    A cue is doubtful for a mention in its reach that its surface scope spares, or that it covers across a comma or
    "and" that may open something new. Only mentions on the side on which a cue acts, and before its hard end, are
    within the reach of any parse. A doubtful cue that would yield to one that is beyond doubt decides nothing: in
    "no effusion or pneumothorax" the "no" decides, whatever "or" reaches.
    """
    deciding = [cue for cue in cues if cue.rule not in STOPS]
    reaches = [(cue, cue_scope(words, cue, cues), hard_end(words, cue, cues)) for cue in deciding]
    for mention in mentions:
        if mention.normal:
            continue
        sure, doubtful = [_YIELDS], [_YIELDS]
        for cue, scope, end in reaches:
            if is_inside(cue, mention):
                sure.append(rank(cue))
            elif _faces(cue, mention) and mention.start < end:
                certain = covers(cue, scope, mention) and not _may_open_anew(words, cue, mention)
                (sure if certain else doubtful).append(rank(cue))
        if min(doubtful) < min(sure):
            return True
    return False


def _faces(cue: CueMatch, mention: Mention) -> bool:
    """Whether a mention stands on the side on which the cue acts."""
    behind = mention.start >= cue.start
    return cue.cue.direction == "both" or behind == (cue.cue.direction == "forward")


def _may_open_anew(words: Words, cue: CueMatch, mention: Mention) -> bool:
    """Whether a comma or "and" that is not the inside of a list stands between a cue and a mention."""
    first, last = sorted((words.index(cue.start), words.index(mention.start)))
    return any(
        words.tokens[position] in {",", "and"} and not list_goes_on(words.tokens, position, len(words.tokens))
        for position in range(first, last)
    )
