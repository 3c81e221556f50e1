"""Stage 4 over a dependency graph: which mentions a cue governs, after NegBio (Peng 2018).

The cues are those of the surface rules; what the graph replaces is their scope. For every cue the tree is asked for
its target (``no`` -> the noun it determines, ``negative`` -> its oblique, ``not seen`` -> its subject), and the verdict
is passed on from there over conjunction, apposition and "evidence of", stopping at contrast and at new clauses. A
parse of a telegraphic sentence is not always plausible; so a mention that the verdict does not arrive at keeps the
verdict of the surface scope, unless the tree puts it into another clause than the cue.
"""

from collections.abc import Sequence, Set
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from nlp_labeler.assertion import (
    Governor,
    covers,
    cue_scope,
    decide,
    hard_end,
    hard_start,
    is_inside,
    list_goes_on,
    reconsider,
    scope_words,
)
from nlp_labeler.cues import STOPS, CueMatch
from nlp_labeler.document import Mention, Verdict
from nlp_labeler.lexicon.tables import load_table
from nlp_labeler.words import Words

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token
    from spacy.vocab import Vocab

__all__ = ["GraphAsserter"]

# The parser sets no part-of-speech tags, so the tag of a word can say which way the cue that it heads reads: the
# matcher compares tags fast, and extension attributes slowly. A word may head several cues ("not", "may").
_DIRECTIONS = ("backward", "both", "forward")
_TAGGED = tuple(frozenset(chosen) for size in (1, 2, 3) for chosen in combinations(_DIRECTIONS, size))


class GraphRule(BaseModel):
    """One way in which a target hangs on a cue; see ``graph.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    direction: Literal["forward", "backward", "both"]
    operator: Literal["<", ">", "<++", ">++", "<--", ">--"]
    anchor: list[str] = []
    target: list[str] = []

    def pattern(self) -> list[dict[str, Any]]:
        """The rule as a pattern of spaCy's DependencyMatcher."""
        anchor: dict[str, Any] = {"TAG": {"IN": [_tag(found) for found in _TAGGED if self.direction in found]}}
        if self.anchor:
            anchor["DEP"] = {"IN": self.anchor}
        target = {"DEP": {"IN": self.target}} if self.target else {}
        return [
            {"RIGHT_ID": "anchor", "RIGHT_ATTRS": anchor},
            {"LEFT_ID": "anchor", "REL_OP": self.operator, "RIGHT_ID": "target", "RIGHT_ATTRS": target},
        ]


class Propagation(BaseModel):
    """How a verdict travels down the tree from its target."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lists: frozenset[str]
    clauses: frozenset[str]
    light: frozenset[str]
    light_nouns: frozenset[str]
    inner: frozenset[str]
    clause_roots: frozenset[str]
    stops: frozenset[str]
    subjects: frozenset[str]


class GraphTable(BaseModel):
    """The file ``graph.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: dict[str, GraphRule]
    propagation: Propagation


@cache
def _table() -> GraphTable:
    return load_table("graph.toml", GraphTable)


class GraphAsserter:
    """The graph rules, compiled against a vocabulary."""

    def __init__(self, vocab: "Vocab") -> None:
        from spacy.matcher import DependencyMatcher

        self._matcher: DependencyMatcher = DependencyMatcher(vocab)
        for name, rule in _table().rules.items():
            self._matcher.add(name, [rule.pattern()])
        self._directions = {vocab.strings[name]: rule.direction for name, rule in _table().rules.items()}

    def verdicts(
        self, doc: "Doc", words: Words, mentions: Sequence[Mention], cues: Sequence[CueMatch]
    ) -> list[Verdict]:
        """One verdict for every mention.

        Args:
            doc: the parse; one token per word of the normal form.
            words: the normal form of the sentence.
            mentions: its mentions.
            cues: its cues and stops.
        """
        governors: list[list[Governor]] = [[] for _ in mentions]
        deciding = [cue for cue in cues if cue.rule not in STOPS]
        heads = [_head(doc, words, cue.start, cue.end) for cue in deciding]
        targets = self._targets(doc, deciding, heads)
        places = [_head(doc, words, mention.start, mention.end) for mention in mentions]
        for cue, head in zip(deciding, heads, strict=True):
            reached = _reach(targets.get((head.i, cue.cue.direction), ()), cue, head)
            scope = cue_scope(words, cue, cues)
            start, end = hard_start(words, cue, cues), hard_end(words, cue, cues)
            for mention, place, found in zip(mentions, places, governors, strict=True):
                if is_inside(cue, mention) or (start <= mention.start < end and _arrives(place, reached)):
                    found.append((cue, "graph"))
                elif covers(cue, scope, mention) and _same_clause(place, head, cue):
                    found.append((cue, "surface"))
        verdicts = [decide(mention, found, "graph") for mention, found in zip(mentions, governors, strict=True)]
        return reconsider(words, mentions, cues, verdicts)

    def _targets(
        self, doc: "Doc", cues: Sequence[CueMatch], heads: Sequence["Token"]
    ) -> dict[tuple[int, str], list["Token"]]:
        """Targets by head of the cue and direction, straight from the matcher."""
        directions: dict[int, set[str]] = {}
        for cue, head in zip(cues, heads, strict=True):
            directions.setdefault(head.i, set()).add(cue.cue.direction)
        for number, found in directions.items():
            doc[number].tag_ = _tag(found)
        targets: dict[tuple[int, str], list[Token]] = {}
        for key, (anchor, target) in self._matcher(doc):
            targets.setdefault((anchor, self._directions[key]), []).append(doc[target])
        return targets


def _tag(directions: Set[str]) -> str:
    """The tag of a word that heads cues of these directions."""
    return "+".join(sorted(directions))


def _head(doc: "Doc", words: Words, start: int, end: int) -> "Token":
    """The head word of an interval of the normal form."""
    return doc[words.index(start) : words.index(end)].root


def _reach(targets: Sequence["Token"], cue: CueMatch, head: "Token") -> set[int]:
    """The words a verdict arrives at from its targets."""
    rules = _table().propagation
    reached: set[int] = set()
    pending = [target for target in targets if target.i != head.i]
    while pending:
        token = pending.pop()
        if token.i in reached:
            continue
        reached.add(token.i)
        for child in token.children:
            if child.i == head.i or child.i in reached:
                continue
            if child.dep_ in rules.lists:
                if not _opens_anew(child):
                    pending.append(child)
            elif cue.cue.direction == "backward":
                continue
            elif (child.dep_ in rules.clauses and child.i > head.i) or (
                child.dep_ in rules.light and token.lower_ in rules.light_nouns
            ):
                pending.append(child)
    return reached


def _arrives(place: "Token", reached: set[int]) -> bool:
    """Whether the head of a mention, or the noun it modifies, was reached."""
    inner = _table().propagation.inner
    while place.i not in reached:
        if place.dep_ not in inner:
            return False
        place = place.head
    return True


def _same_clause(place: "Token", head: "Token", cue: CueMatch) -> bool:
    """Whether the tree lets a cue reach a mention: the mention's clause holds the cue, or behind it the reverse."""
    own, others = _clauses(place), _clauses(head)
    return own[0] in others or (cue.cue.direction == "backward" and others[0] in own)


def _clauses(token: "Token") -> list[int]:
    """The roots of the clauses that hold a word, innermost first."""
    roots = _table().propagation.clause_roots
    found = []
    while True:
        if token.dep_ in roots or (token.dep_ == "conj" and _opens_anew(token)):
            found.append(token.i)
        if token.head.i == token.i:
            return found or [token.i]
        token = token.head


def _opens_anew(conjunct: "Token") -> bool:
    """Whether a conjunct is a new statement: after a contrast, with a subject of its own, or "and the heart"."""
    rules = _table().propagation
    links = {child.lower_ for child in conjunct.children if child.dep_ == "cc"}
    if links & rules.stops:
        return True
    if any(child.dep_ in rules.subjects for child in conjunct.children):
        return True
    first = next((child for child in conjunct.lefts if child.dep_ not in {"cc", "punct"}), conjunct)
    if first.lower_ not in scope_words().fresh_starts:
        return False
    words = [token.lower_ for token in conjunct.doc]
    return "and" in links or not (links or list_goes_on(words, first.i, len(words)))
