"""The scope of a cue in the surface order of words.

The method descends from NegEx and ConText: a cue covers the mentions on one side of it until its scope ends. What is
particular here is where scopes end: a list runs on over commas as long as a conjunction still closes it, and a comma
or "and" that opens something new ("no effusion, mild cardiomegaly") ends it.
"""

from collections.abc import Sequence
from functools import cache

from nlp_labeler.cues import ENDS, EXCEPTION, STOPS, CueMatch
from nlp_labeler.document import Assertion, Mention
from nlp_labeler.lexicon.tables import Scope, load_table
from nlp_labeler.words import Words

__all__ = ["covers", "cue_scope", "hard_end", "hard_start", "is_inside", "list_goes_on", "scope_words"]


@cache
def scope_words() -> Scope:
    """The words at which scopes end."""
    return load_table("scope.toml", Scope)


def cue_scope(words: Words, cue: CueMatch, cues: Sequence[CueMatch]) -> tuple[int, int]:
    """The interval of the normal form that a cue covers."""
    start = _scope_start(words, cue, cues) if cue.cue.direction != "forward" else cue.end
    end = _scope_end(words, cue, cues) if cue.cue.direction != "backward" else cue.start
    return start, end


def covers(cue: CueMatch, scope: tuple[int, int], mention: Mention) -> bool:
    """Whether a mention lies in the scope of a cue."""
    if mention.start <= cue.start and cue.end <= mention.end:
        return is_inside(cue, mention)
    return scope[0] <= mention.start and mention.end <= scope[1] and not cue.start <= mention.start < cue.end


def is_inside(cue: CueMatch, mention: Mention) -> bool:
    """Whether the cue is part of the mention: "heart is not enlarged", though not the slash of "nodule/mass"."""
    return cue.cue.direction != "both" and mention.start <= cue.start and cue.end <= mention.end


def list_goes_on(tokens: Sequence[str], position: int, last: int) -> bool:
    """Whether "or" still follows, with no verb before it: then a comma separates items of one list."""
    scope = scope_words()
    for token in tokens[position + 1 : last]:
        if token in scope.joiners:
            return True
        if token in scope.verbs:
            return False
    return False


def hard_end(words: Words, cue: CueMatch, cues: Sequence[CueMatch]) -> int:
    """Where the scope of a forward cue ends whatever a parse says: at a contrast, or at "with" behind a negation."""
    ends = [other.start for other in cues if other.rule in ENDS and other.start >= cue.end]
    positions = range(words.index(cue.end), len(words.tokens))
    ends.extend(words.starts[position] for position in positions if _breaks_off(words.tokens, position, cue))
    return min(ends, default=len(words.text))


def hard_start(words: Words, cue: CueMatch, cues: Sequence[CueMatch]) -> int:
    """Where the scope of a cue that reads backward starts whatever a parse says.

    Behind an exception it reaches nothing: "apart from an effusion the chest is normal".
    """
    stop = _last_stop(words, cue, cues)
    return cue.start if stop is not None and stop.rule == EXCEPTION else 0


def _breaks_off(tokens: Sequence[str], position: int, cue: CueMatch) -> bool:
    """Whether "with" here ends the scope, as in "no effusion with edema" but not in "may be edema with effusion"."""
    if tokens[position] != "with" or tokens[position - 1] in scope_words().linked_with:
        return False
    return cue.cue.assertion is not Assertion.UNCERTAIN or cue.cue.reach == "phrase"


def _scope_end(words: Words, cue: CueMatch, cues: Sequence[CueMatch]) -> int:
    scope = scope_words()
    stops = ENDS if cue.cue.assertion is Assertion.UNCERTAIN else STOPS
    limit = min(
        (other.start for other in cues if other.rule in stops and other.start >= cue.end), default=len(words.text)
    )
    first, last = words.index(cue.end), words.index(limit)
    tokens = words.tokens
    for position in range(first, last):
        token = tokens[position]
        if _breaks_off(tokens, position, cue):
            return words.starts[position]
        if token not in {",", "and"} or position == first:
            continue
        following = tokens[position + 1] if position + 1 < last else ""
        if cue.cue.reach == "clause" and following not in scope.fresh_starts:
            continue
        if not (token == "," or cue.cue.reach == "phrase") or not list_goes_on(tokens, position, last):
            return words.starts[position]
    return limit


def _scope_start(words: Words, cue: CueMatch, cues: Sequence[CueMatch]) -> int:
    scope = scope_words()
    stop = _last_stop(words, cue, cues)
    limit = max(stop.end if stop is not None else 0, hard_start(words, cue, cues))
    first, last = words.index(limit), words.index(cue.start)
    tokens = words.tokens
    for position in range(last - 1, first - 1, -1):
        token = tokens[position]
        if token in scope.verbs or (cue.cue.reach == "phrase" and token in {",", "and"}):
            return words.starts[position + 1]
    return limit


def _last_stop(words: Words, cue: CueMatch, cues: Sequence[CueMatch]) -> CueMatch | None:
    """The last stop before a cue; what stands in parentheses is stepped over."""
    inside = 0
    for other in reversed([other for other in cues if other.rule in ENDS and other.end <= cue.start]):
        word = words.text[other.start : other.end].strip()
        if word == ")":
            inside += 1
        elif word == "(" and inside:
            inside -= 1
        elif not inside:
            return other
    return None
