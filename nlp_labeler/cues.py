"""The cues of a sentence: words that decide what it says about its mentions, and words that end their scope."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from nlp_labeler.document import Assertion
from nlp_labeler.lexicon.tables import Entry, Pattern, PatternIndex, Terms, compile_terms, read_toml, validate
from nlp_labeler.words import Words

__all__ = ["CONTRAST", "ENDS", "EXCEPTION", "ONSET", "STOPS", "Cue", "CueMatch", "cue_rules", "find_cues"]

CONTRAST = "stops.contrast"
"""The rule whose words end every scope."""

EXCEPTION = "stops.exception"
"""The rule whose words end every scope and spare what follows them: "except for mild cardiomegaly"."""

ENDS = frozenset({CONTRAST, EXCEPTION})
"""The rules whose words end every scope."""

ONSET = "stops.onset"
"""The rule whose words end the scope of a cue that reads forward, unless it is a doubt."""

STOPS = ENDS | {ONSET}
"""The rules that decide nothing and only end scopes."""


class Cue(Entry):
    """Words that decide the assertion of the mentions in their scope; a pseudo cue decides nothing.

    Attributes:
        assertion: what it says about them.
        direction: where its scope lies.
        reach: ``"phrase"`` ends at a comma or conjunction; ``"clause"`` runs along lists, and read backward to the
            nearest verb; ``"sentence"`` over verbs too.
        explains: whether it names what the words before it are a sign of; where those deny a normal structure
            ("no lung markings, consistent with pneumothorax"), the denial ends here.
        terms: the words.
    """

    assertion: Assertion | None = None
    direction: Literal["forward", "backward", "both"] = "forward"
    reach: Literal["phrase", "clause", "sentence"] = "clause"
    explains: bool = False
    terms: Terms


@dataclass(frozen=True, slots=True)
class CueMatch:
    """A cue found in a sentence.

    Attributes:
        rule: id of its rule, e.g. ``"negation.no"``.
        start: where it starts in the normal form.
        end: where it ends.
        cue: the rule; one without assertion is a stop.
    """

    rule: str
    start: int
    end: int
    cue: Cue


@cache
def cue_rules() -> dict[str, Cue]:
    """All cue rules by id, in the order of the file."""
    tables = validate(read_toml("cues.toml"), dict[str, dict[str, Cue]], "cues.toml")
    return {f"{group}.{name}": cue for group, rules in tables.items() for name, cue in rules.items()}


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
    """The cues and stops of a sentence in order; pseudo cues have done their work by being longer, and are left out."""
    rules = cue_rules()
    found = (match for index in _indices() for match in index.find_all(words.text, words.tokens, words.starts))
    matches = dict.fromkeys(found)  # in order: of two cues in one place the one that reads forward comes first
    return [
        CueMatch(rule, start, end, rules[rule])
        for rule, start, end in sorted(matches, key=lambda match: match[1:])
        if rules[rule].assertion is not None or rule in STOPS
    ]
