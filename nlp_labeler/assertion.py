"""Stage 4, classify: what a sentence says about its mentions, by the scope of cues in the surface order of words.

The method descends from NegEx and ConText: a cue covers the mentions on one side of it until its scope ends. What is
particular here is where scopes end: a list runs on over commas as long as a conjunction still closes it, and a comma
or "and" that opens something new ("no effusion, mild cardiomegaly") ends it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from nlp_labeler.document import Assertion, Mention, Verdict
from nlp_labeler.lexicon.patterns import Pattern, PatternIndex
from nlp_labeler.lexicon.tables import Cue, Scope, compile_terms, load_table, read_toml, validate
from nlp_labeler.words import Words

__all__ = ["CueMatch", "assert_surface", "cue_rules", "find_cues"]

_AFFIRMED = Verdict(Assertion.AFFIRMED, "surface:affirmed")
_CONTRAST = "stops.contrast"
_STOPS = {_CONTRAST, "stops.onset"}

# Where several cues cover a mention the first of these decides.
_PRECEDENCE = (
    Assertion.NEGATED,
    Assertion.RESOLVED,
    Assertion.HYPOTHETICAL,
    Assertion.HISTORICAL,
    Assertion.UNCERTAIN,
)
# Among doubts the stronger one decides: "possible atelectasis versus scar" is possible.
_DOUBTS = ("alternative", "compatible", "probable", "probable_after", "suggest")


@dataclass(frozen=True, slots=True)
class CueMatch:
    """A cue found in a sentence: rule id, its interval in the normal form, and the rule itself."""

    rule: str
    start: int
    end: int
    cue: Cue


@cache
def cue_rules() -> dict[str, Cue]:
    """All cue rules by id (``"negation.no"``), in the order of the file."""
    tables = validate(read_toml("cues.toml"), dict[str, dict[str, Cue]], "cues.toml")
    return {f"{group}.{name}": cue for group, rules in tables.items() for name, cue in rules.items()}


@cache
def _scope() -> Scope:
    return load_table("scope.toml", Scope)


@cache
def _indices() -> tuple[PatternIndex, PatternIndex]:
    """Forward-reading and backward-reading cues are sought apart, since one word may be both ("resolved")."""
    forward: list[tuple[str, Pattern]] = []
    backward: list[tuple[str, Pattern]] = []
    for rule, cue in cue_rules().items():
        compiled = compile_terms(rule, cue.terms)
        if cue.assertion is None or cue.direction != "backward":
            forward.extend(compiled)
        if cue.assertion is None or cue.direction == "backward":
            backward.extend(compiled)
    return PatternIndex(forward), PatternIndex(backward)


def find_cues(words: Words) -> list[CueMatch]:
    """The cues of a sentence in order; pseudo cues are left out."""
    rules = cue_rules()
    matches = [match for index in _indices() for match in index.find_all(words.text)]
    found = {(rule, start, end) for rule, start, end in matches if rules[rule].assertion is not None or rule in _STOPS}
    return [CueMatch(rule, start, end, rules[rule]) for rule, start, end in sorted(found, key=lambda match: match[1:])]


def assert_surface(words: Words, mentions: Sequence[Mention], cues: Sequence[CueMatch]) -> list[Verdict]:
    """One verdict for every mention of a sentence."""
    scopes = [(cue, *_cue_scope(words, cue, cues)) for cue in cues if cue.rule not in _STOPS]
    verdicts: list[Verdict] = []
    for mention in mentions:
        if mention.normal:
            verdicts.append(Verdict(Assertion.NEGATED, "surface:lexicon.normal", (mention.start, mention.end)))
            continue
        covering = [cue for cue, start, end in scopes if _covers(cue, start, end, mention)]
        verdicts.append(decide(covering, "surface") if covering else _AFFIRMED)
    return verdicts


def decide(covering: Sequence[CueMatch], engine: str) -> Verdict:
    """The verdict where all these cues cover a mention."""
    cue = min(covering, key=_rank)
    assert cue.cue.assertion is not None  # pseudo cues never reach here
    return Verdict(cue.cue.assertion, f"{engine}:{cue.rule}", (cue.start, cue.end))


def _rank(match: CueMatch) -> tuple[int, int]:
    assertion = match.cue.assertion
    name = match.rule.split(".")[1]
    doubt = len(_DOUBTS) - _DOUBTS.index(name) if name in _DOUBTS else 0
    return _PRECEDENCE.index(assertion), doubt


def _covers(cue: CueMatch, start: int, end: int, mention: Mention) -> bool:
    """Whether a mention lies in the scope of a cue, or the cue lies inside the mention ("heart is not enlarged")."""
    inside = mention.start <= cue.start and cue.end <= mention.end
    return inside or (start <= mention.start and mention.end <= end and not cue.start <= mention.start < cue.end)


def _cue_scope(words: Words, cue: CueMatch, cues: Sequence[CueMatch]) -> tuple[int, int]:
    """The interval of the normal form that a cue covers."""
    start = _scope_start(words, cue, cues) if cue.cue.direction != "forward" else cue.end
    end = _scope_end(words, cue, cues) if cue.cue.direction != "backward" else cue.start
    return start, end


def _scope_end(words: Words, cue: CueMatch, cues: Sequence[CueMatch]) -> int:
    scope = _scope()
    limit = min(
        (other.start for other in cues if other.rule in _STOPS and other.start >= cue.end), default=len(words.text)
    )
    first, last = words.index(cue.end), words.index(limit)
    tokens = words.text.split(" ")
    for position in range(first, last):
        token = tokens[position]
        following = tokens[position + 1] if position + 1 < last else ""
        if token == "with" and tokens[position - 1] not in scope.linked_with:
            return words.starts[position]
        if token not in {",", "and"} or position == first:
            continue
        if cue.cue.reach == "clause" and following not in scope.fresh_starts:
            continue
        if not (token == "," or cue.cue.reach == "phrase") or not _list_goes_on(tokens, position, last):
            return words.starts[position]
    return limit


def _list_goes_on(tokens: Sequence[str], position: int, last: int) -> bool:
    """Whether a joiner still follows, with no verb before it: then a comma separates items of one list."""
    scope = _scope()
    for token in tokens[position + 1 : last]:
        if token in scope.joiners:
            return True
        if token in scope.verbs:
            return False
    return False


def _scope_start(words: Words, cue: CueMatch, cues: Sequence[CueMatch]) -> int:
    scope = _scope()
    limit = max((other.end for other in cues if other.rule == _CONTRAST and other.end <= cue.start), default=0)
    first, last = words.index(limit), words.index(cue.start)
    tokens = words.text.split(" ")
    for position in range(last - 1, first - 1, -1):
        token = tokens[position]
        if token in scope.verbs or (cue.cue.reach == "phrase" and token in {",", "and"}):
            return words.starts[position + 1]
    return limit
