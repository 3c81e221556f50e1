"""Stage 4, classify: one verdict for every mention from the cues in whose scope it lies.

The method descends from NegEx and ConText: a cue covers the mentions on one side of it until its scope ends. What is
particular here is where scopes end: a list runs on over commas as long as a conjunction still closes it, and a comma
or "and" that opens something new ("no effusion, mild cardiomegaly") ends it.
"""

from collections.abc import Sequence
from functools import cache

from nlp_labeler.cues import ENDS, EXCEPTION, STOPS, CueMatch
from nlp_labeler.document import Assertion, Mention, Verdict
from nlp_labeler.lexicon.tables import Entry, load_table
from nlp_labeler.words import Words

__all__ = [
    "Governor",
    "assert_surface",
    "covers",
    "cue_scope",
    "decide",
    "hard_end",
    "hard_start",
    "is_inside",
    "leaves_choice",
    "list_goes_on",
    "scope_words",
]

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
_YIELDS = (99, 0)  # ranks behind every cue: what no cue governs


class Scope(Entry):
    """Single words at which scopes end; see the comments of ``scope.toml``."""

    fresh_starts: frozenset[str]
    joiners: frozenset[str]
    verbs: frozenset[str]
    linked_with: frozenset[str]


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
    cue, found_by = min(governors, key=lambda governor: _rank(governor[0]))
    return Verdict(_assertion(cue), f"{found_by}:{cue.rule}", (cue.start, cue.end))


def _assertion(cue: CueMatch) -> Assertion:
    if cue.cue.assertion is None:
        raise ValueError(f"{cue.rule} is a stop and governs nothing")
    return cue.cue.assertion


def _rank(cue: CueMatch) -> tuple[int, int]:
    """The place of a deciding cue among several that govern one mention: the least decides."""
    name = cue.rule.split(".")[1]
    weakness = len(_WEAK_DOUBTS) - _WEAK_DOUBTS.index(name) if name in _WEAK_DOUBTS else 0
    return _PRECEDENCE.index(_assertion(cue)), weakness


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
                sure.append(_rank(cue))
            elif _faces(cue, mention) and mention.start < end:
                certain = covers(cue, scope, mention) and not _may_open_anew(words, cue, mention)
                (sure if certain else doubtful).append(_rank(cue))
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
