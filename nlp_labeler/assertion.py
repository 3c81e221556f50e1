"""Stage 4, classify: one verdict for every mention from the cues in whose scope it lies.

The method descends from NegEx and ConText: a cue covers the mentions on one side of it until its scope ends. What is
particular here is where scopes end: a list runs on over commas as long as a conjunction still closes it, and a comma
or "and" that opens something new ("no effusion, mild cardiomegaly") ends it.
"""

from collections.abc import Sequence, Set
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
    "goes_on",
    "hard_end",
    "hard_start",
    "is_inside",
    "leaves_choice",
    "list_goes_on",
    "reconsider",
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
_DENIALS = frozenset({Assertion.NEGATED, Assertion.RESOLVED})
# Among doubts the stronger decides ("possible atelectasis versus scar" is possible); these are weak, weakest first.
_WEAK_DOUBTS = ("alternative", "compatible", "probable", "probable_after", "suggest")
_RECONSIDERED = {
    "persists": Assertion.AFFIRMED,
    "elsewhere": Assertion.AFFIRMED,
    "known": Assertion.UNCERTAIN,
    "not_excluded": Assertion.UNCERTAIN,
}
_YIELDS = (99, 0)  # ranks behind every cue: what no cue governs


class Scope(Entry):
    """Single words at which scopes end; see the comments of ``scope.toml``."""

    fresh_starts: frozenset[str]
    joiners: frozenset[str]
    verbs: frozenset[str]
    linked_with: frozenset[str]
    states: frozenset[str]
    predicates: frozenset[str]
    shared_predicates: frozenset[str]
    after_state: frozenset[str]
    sides: frozenset[str]
    structures: frozenset[str]
    not_the_head: frozenset[str]
    clause_breaks: frozenset[str]
    places: frozenset[str]
    substance: frozenset[str]
    elliptical: frozenset[str]
    persisting: frozenset[str]
    anaphors: frozenset[str]
    whole: frozenset[str]
    prepositions: frozenset[str]
    known: frozenset[str]
    perceived: frozenset[str]
    excluding: frozenset[str]


def assert_surface(words: Words, mentions: Sequence[Mention], cues: Sequence[CueMatch]) -> list[Verdict]:
    """The verdicts by scope in the surface order of words."""
    scopes = [(cue, cue_scope(words, cue, cues)) for cue in cues if cue.rule not in STOPS]
    verdicts = [
        decide(mention, [(cue, "surface") for cue, scope in scopes if covers(cue, scope, mention)], "surface")
        for mention in mentions
    ]
    return reconsider(words, mentions, cues, verdicts)


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
    """Where the scope of a forward cue ends whatever a parse says.

    At a contrast, at "with" behind a negation, at a clause with a state of its own, or at the diagnosis that a missing
    structure is a sign of.
    """
    limit = min(_first(words, cue, cues, ENDS), _diagnosis(words, cue, cues))
    first, last = words.index(cue.end), words.index(limit)
    for position in range(first, last):
        if _breaks_off(words.tokens, position, cue) or _opens_statement(words.tokens, position, first, last):
            return words.starts[position]
    return limit


def _first(words: Words, cue: CueMatch, cues: Sequence[CueMatch], stops: Set[str]) -> int:
    """Where the first of some stops behind a cue begins; a colon right behind it belongs to it ("negative for:")."""
    starts = (other.start for other in cues if other.rule in stops and other.start >= cue.end)
    return next(
        (start for start in starts if start > cue.end or not words.text.startswith(": ", start)), len(words.text)
    )


def _diagnosis(words: Words, cue: CueMatch, cues: Sequence[CueMatch]) -> int:
    """Where a diagnosis begins that the denied words are a sign of, or the end of the sentence.

    "No lung markings, consistent with pneumothorax" and "the border is not seen because of consolidation" affirm the
    diagnosis; "no opacity suggesting pneumonia" denies it with its sign.
    """
    end = len(words.text)
    if cue.cue.assertion not in _DENIALS or cue.cue.explains:
        return end
    link = next((other for other in cues if other.cue.explains and other.start >= cue.end), None)
    if link is None:
        return end
    if any(
        other.cue.direction == "backward" and other.start <= cue.start and cue.end <= other.end <= link.start
        for other in cues
    ):
        return link.start  # "is not seen because of consolidation"
    scope = scope_words()
    head = ""
    for token in words.tokens[words.index(cue.end) : words.index(link.start)]:
        if token in scope.not_the_head:
            break
        if not token.endswith("ly"):
            head = token
    return link.start if head in scope.structures else end


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
    limit = min(_first(words, cue, cues, stops), _diagnosis(words, cue, cues))
    first, last = words.index(cue.end), words.index(limit)
    end = words.index(_first(words, cue, cues, ENDS))
    tokens = words.tokens
    for position in range(first, last):
        token = tokens[position]
        if _breaks_off(tokens, position, cue) or _opens_statement(tokens, position, first, end):
            return words.starts[position]
        if token not in {",", "and"} or position == first:
            continue
        following = tokens[position + 1] if position + 1 < last else ""
        if cue.cue.reach == "clause" and following not in scope.fresh_starts:
            continue
        if not (token == "," or cue.cue.reach == "phrase") or not list_goes_on(tokens, position, last):
            return words.starts[position]
    return limit


def _opens_statement(tokens: Sequence[str], position: int, first: int, last: int) -> bool:
    """Whether a comma or "and" begins a clause with a state, a verb or a side of its own.

    "no edema, effusion unchanged" and "no edema, effusion has increased" do; "no edema, effusion or mass is seen" does
    not, whose verb belongs to the whole list.
    """
    if tokens[position] not in {",", "and"} or position == first:
        return False
    scope = scope_words()
    clause = _until_comma(tokens, position + 1, last)
    for number, token in enumerate(clause):
        if token in scope.joiners:
            return False
        if number and _is_state(clause, number):
            return True
        if number and token in scope.predicates:
            return scope.shared_predicates.isdisjoint(clause[number:])
    return (
        tokens[position] == ","
        and "," not in tokens[first:position]
        and not scope.sides.isdisjoint(clause)
        and not list_goes_on(tokens, position, last)
    )


def _until_comma(tokens: Sequence[str], start: int, last: int) -> Sequence[str]:
    end = start
    while end < last and tokens[end] not in {",", ";"}:
        end += 1
    return tokens[start:end]


def _is_state(clause: Sequence[str], number: int) -> bool:
    """Whether a word says how the finding before it fares: "effusion unchanged", not "unchanged effusion"."""
    scope = scope_words()
    if clause[number] not in scope.states:
        return False
    return number + 1 == len(clause) or clause[number + 1] in scope.after_state or clause[number + 1] in scope.states


def _scope_start(words: Words, cue: CueMatch, cues: Sequence[CueMatch]) -> int:
    scope = scope_words()
    stop = _last_stop(words, cue, cues)
    limit = max(stop.end if stop is not None else 0, hard_start(words, cue, cues))
    first, last = words.index(limit), words.index(cue.start)
    tokens = words.tokens
    if cue.cue.reach == "sentence":
        return limit
    for position in range(last - 1, first - 1, -1):
        token = tokens[position]
        if token in scope.verbs or (cue.cue.reach == "phrase" and token in {",", "and"}):
            return words.starts[position + 1]
        if token == "," and any(_is_state(tokens[first:position], number) for number in range(1, position - first)):
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


def reconsider(
    words: Words, mentions: Sequence[Mention], cues: Sequence[CueMatch], verdicts: Sequence[Verdict]
) -> list[Verdict]:
    """The verdicts after a look at what follows a mention without naming it again.

    What is absent on one side and present on the other is present ("no effusion on the right; small on the left"), and
    what an earlier film showed and today's still shows is there ("the prior film showed an effusion, which persists").
    What was known and is only not seen any more is in doubt: it has not been said to have gone; and so is what a
    denial keeps from being excluded ("not able to exclude").
    """
    return [
        Verdict(_RECONSIDERED[rule], f"{verdict.rule.partition(':')[0]}:{rule}", verdict.cue) if rule else verdict
        for verdict, rule in (
            (verdict, _overruled(words, mention, mentions, cues, verdict))
            for mention, verdict in zip(mentions, verdicts, strict=True)
        )
    ]


def _overruled(
    words: Words, mention: Mention, mentions: Sequence[Mention], cues: Sequence[CueMatch], verdict: Verdict
) -> str:
    """The rule that overrules a verdict, or nothing."""
    if verdict.cue is None or mention.normal:
        return ""
    scope = scope_words()
    following = min((other.start for other in mentions if other.start >= mention.end), default=len(words.text))
    rest = words.tokens[words.index(mention.end) : words.index(following)]
    if verdict.assertion is Assertion.HISTORICAL and not scope.persisting.isdisjoint(rest):
        return "persists"
    denied = verdict.assertion in _DENIALS and not scope.places.isdisjoint(words.tokens)
    if denied and _is_elsewhere(words, mention, mentions, cues, verdict.cue):
        return "elsewhere"
    if verdict.assertion is Assertion.NEGATED and verdict.cue[1] <= mention.start:
        between = words.tokens[words.index(verdict.cue[1]) : words.index(mention.start)]
        return "" if scope.excluding.isdisjoint(between) else "not_excluded"
    if verdict.assertion is Assertion.NEGATED and verdict.cue[0] >= mention.end:
        cue = words.tokens[words.index(verdict.cue[0]) : words.index(verdict.cue[1])]
        before = words.tokens[: words.index(verdict.cue[0])]
        if not scope.perceived.isdisjoint(cue) and not scope.known.isdisjoint(before):
            return "known"
    return ""


def goes_on(tokens: Sequence[str]) -> bool:
    """Whether a sentence only makes sense with the one before: it names a place and what there is, or points back.

    "Small on the left." and "This persists." do; "Both lungs are clear." does not.
    """
    scope = scope_words()
    if not tokens or not scope.elliptical.union(scope.anaphors).issuperset(tokens):
        return False
    if tokens[0] in scope.anaphors:
        return len(tokens) > 1
    if scope.places.isdisjoint(tokens) or (scope.substance - scope.places).isdisjoint(tokens):
        return False
    return scope.whole.isdisjoint(tokens) or not scope.prepositions.isdisjoint(tokens)


def _is_elsewhere(
    words: Words, mention: Mention, mentions: Sequence[Mention], cues: Sequence[CueMatch], decider: tuple[int, int]
) -> bool:
    """Whether another clause without a mention says that what is denied here is present there."""
    scope = scope_words()
    own: tuple[int, int] | None = None
    for start, end in _clauses(words):
        clause = words.tokens[words.index(start) : words.index(end)]
        if own is None:
            own = (start, end) if start <= mention.start < end else None
        elif scope.elliptical.issuperset(clause):
            there = scope.places.intersection(clause)
            if not _is_denied(start, end, cues):
                if there and not scope.substance.isdisjoint(clause):
                    return True
            elif _is_denied(*own, cues):
                if there and clause[0] == "not" and start > decider[1]:
                    return True  # "has cleared on the right but not on the left"
            elif start <= decider[0] < end:
                here = scope.places.intersection(words.tokens[words.index(own[0]) : words.index(own[1])])
                if here and there and here != there:
                    return True
        elif any(start <= other.start < end for other in mentions):
            return False
    return False


def _is_denied(start: int, end: int, cues: Sequence[CueMatch]) -> bool:
    """Whether a cue inside an interval denies something."""
    return any(start <= cue.start < end and cue.cue.assertion in _DENIALS for cue in cues)


def _clauses(words: Words) -> list[tuple[int, int]]:
    """The intervals between commas, semicolons and contrasts."""
    breaks = [number for number, token in enumerate(words.tokens) if token in scope_words().clause_breaks]
    starts = [0, *(words.starts[number + 1] for number in breaks)]
    ends = [*(words.starts[number] for number in breaks), len(words.text)]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if start < end]


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
