"""Which passages of a sentence were understood, and whether it is English.

A sentence falls into passages at commas, conjunctions and the like. A passage is explained if something in it says
what it is about: a mention, a normal state ("clear"), or the examination itself ("compared with"); and if every other
word is known, so that none can name an abnormality that the lexicon lacks. What is denied may be anything: "no
sequestration" is as normal as "no effusion". But a state denied ("not clear"), or a part of the body ("no lung
markings"), is not normal, whatever it is.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

from pydantic import BaseModel, ConfigDict, Field

from nlp_labeler.assertion import scope_words
from nlp_labeler.lexicon.tables import load_table
from nlp_labeler.vocabulary import is_known, word_class
from nlp_labeler.words import Words

__all__ = ["Limits", "Understanding", "limits", "understand"]

_ENDS = frozenset(
    {
        ",",
        ";",
        ":",
        ".",
        "!",
        "?",
        "but",
        "however",
        "although",
        "though",
        "while",
        "whereas",
        "and",
        "with",
        "(",
        ")",
        "which",
    }
)
_DENIALS = frozenset(
    {"no", "not", "without", "nor", "neither", "never", "nil", "absent", "absence", "lack", "lacking", "n't", "non"}
)
_PREDICATE_DENIALS = frozenset({"not", "never", "n't"})
_OPENERS = frozenset({"no", "without", "nor", "neither", "nil", "free", "negative", "absence"})
_JOINERS = frozenset({"or", "nor"})
_TITLE = frozenset(
    {"the", "a", "an", "of", "and", "or", "both", "left", "right", "bilateral", "upper", "lower", "middle", "xxxx"}
    | {"visualized", "visualised", "visible", "imaged", "remaining", "included"}
)
_LINKS = frozenset({"is", "are", "has", "have", "appears", "appear", "remains", "remain", "was", "were"})
_LEAST_LETTERS = 2
_QUALITIES = frozenset({"acute", "active", "focal", "discrete", "overt", "suspicious", "significant"})
_BEYOND_LATIN = "\u0250"
_WEIGHT = 3  # of a word that can only be of another language
_CHANGES = frozenset({"change", "changes", "changed", "compared", "comparison", "comparisons"})


@dataclass(frozen=True, slots=True)
class Understanding:
    """How much of a sentence was understood.

    Attributes:
        words: number of its words, numbers and punctuation left out.
        unexplained: words in passages that are not explained.
        passages: intervals (start, end) of those passages in the sentence as read.
        english: words of English reports among those that tell languages apart.
        foreign: the others of these; words of other languages count for three.
    """

    words: int
    unexplained: int
    passages: tuple[tuple[int, int], ...]
    english: int
    foreign: int


class Limits(BaseModel):
    """The file ``coverage.toml``.

    Attributes:
        no_finding: least coverage of a report that may be No Finding.
        understood: least coverage of a report without any mention that counts as understood...
        least_words: ...where it has so many words: of fewer, what is not understood is not refused but not normal.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    no_finding: float = Field(ge=0, le=1)
    understood: float = Field(ge=0, le=1)
    least_words: int = Field(ge=1)


@cache
def limits() -> Limits:
    """The limits that were chosen on data."""
    return load_table("coverage.toml", Limits)


def understand(
    sentence: str, words: Words, present: Sequence[tuple[int, int]], absent: Sequence[tuple[int, int]]
) -> Understanding:
    """What was understood of a sentence.

    Args:
        sentence: as read.
        words: its normal form.
        present: intervals in the normal form of the mentions that are not negated and say what they are.
        absent: those of the negated mentions and of the words that negate.
    """
    tokens = words.tokens
    explained = _marks(words, present), _marks(words, absent)
    passages: list[tuple[int, int]] = []
    count = unexplained = 0
    carried = False  # "no x, y or z": a denial goes on over commas that a later "or" shows to part a list
    start = 0
    for end in range(len(tokens) + 1):
        if end < len(tokens) and (tokens[end] not in _ENDS or end in explained[0] or end in explained[1]):
            continue
        own = [
            position
            for position in range(start, end)
            if tokens[position][0].isalpha() and len(tokens[position]) >= _LEAST_LETTERS
        ]
        if own:
            count += len(own)
            denied = carried or not _OPENERS.isdisjoint(tokens[position] for position in own)
            if not _is_explained(tokens, own, *explained, carried=carried):
                unexplained += len(own)
                passages.append((words.spans[own[0]][0], words.spans[own[-1]][1]))
            carried = denied and end < len(tokens) and tokens[end] == "," and not _JOINERS.isdisjoint(tokens[end:])
        start = end + 1
    return Understanding(count, unexplained, tuple(passages), *_languages(sentence, words))


def _marks(words: Words, intervals: Sequence[tuple[int, int]]) -> Set[int]:
    return {position for start, end in intervals for position in range(words.index(start), words.index(end))}


def _is_explained(
    tokens: Sequence[str], own: Sequence[int], present: Set[int], absent: Set[int], *, carried: bool
) -> bool:
    if any(position in present for position in own):
        return True
    mentioned = any(position in absent for position in own)
    rest = [tokens[position] for position in own if position not in absent]
    if mentioned and any(tokens[position] in _DENIALS | _OPENERS for position in own):
        # What a negation covers may be anything; only the words before it are free to mean more.
        first = next(number for number, position in enumerate(own) if position in absent)
        return carried or all(_says_nothing(tokens[position]) for position in own[:first])
    denial = 0 if carried else next((number for number, token in enumerate(rest) if token in _DENIALS), None)
    # "No" may deny anything; "does not reach the chest wall" must be known to the last word.
    limit = None if denial is not None and rest[denial : denial + 1] and rest[denial] in _PREDICATE_DENIALS else denial
    if not all(_says_nothing(token) for token in rest[:limit]):
        return False
    if mentioned:
        return True
    if denial is not None:
        return _denies_a_disease(rest[denial:])
    if not word_class("normal").isdisjoint(rest):
        return True
    if _is_withheld(rest):
        return False
    if not word_class("report").isdisjoint(rest):
        return True
    if len(rest) == 1 and rest[0] in word_class("function") and rest[0] not in scope_words().substance:
        return True  # a mere "specifically"; but "left: small" says that something is there
    # A title, or a part of a list: "the heart, the hila and the pleura are normal".
    return all(token in word_class("anatomy") or token in _TITLE for token in rest)


def _is_withheld(rest: Sequence[str]) -> bool:
    """Whether what is said of the subject was struck out: "the heart has XXXX in the interval"."""
    return any(word in _LINKS and following.startswith("xxx") for word, following in pairwise(rest))


def _says_nothing(token: str) -> bool:
    """Whether a word is known not to name an abnormality."""
    return token.removesuffix("'s") in _harmless() or len(token) < _LEAST_LETTERS or token.startswith("xxx")


@cache
def _harmless() -> frozenset[str]:
    return frozenset().union(*(word_class(name) for name in ("function", "anatomy", "normal", "report", "other")))


def _denies_a_disease(rest: Sequence[str]) -> bool:
    """Whether what follows a denial can be something ill, or a change: not a state of health or a part of the body."""
    if any(token in word_class("normal") for token in rest):
        return False
    if not (_CHANGES | _QUALITIES).isdisjoint(rest) or not word_class("report").isdisjoint(rest):
        return True
    return not all(
        token in word_class("anatomy") or token in word_class("function") or token in _DENIALS for token in rest
    )


def _languages(sentence: str, words: Words) -> tuple[int, int]:
    """English words of a sentence, and those of other languages; words that many languages share do not count."""
    english = foreign = 0
    lowered = sentence.lower()
    if len(lowered) != len(sentence):  # some letters have no lower form of one character
        lowered = sentence
    for token, (start, end) in zip(words.tokens, words.spans, strict=True):
        if token[0].isalpha():
            weight = _foreign_weight(lowered[start:end], token)
            english += weight == 0
            foreign += weight or 0
    return english, foreign


@lru_cache(maxsize=8192)  # the vocabulary of reports
def _foreign_weight(raw: str, token: str) -> int | None:
    """How much a word speaks for another language: 0 for an English one, ``None`` for one that says nothing.

    Args:
        raw: the word as written, in lower case.
        token: its normal form.
    """
    if raw in word_class("foreign"):
        return _WEIGHT
    if raw in word_class("international"):
        return None
    if is_known(raw) or raw.startswith("xx"):
        return 0
    if len(raw) > 1 and not is_known(token):  # a mended word may be a slip, or a cousin of an English one
        return 1 if raw.isascii() else 2 if max(raw) < _BEYOND_LATIN else _WEIGHT
    return None
