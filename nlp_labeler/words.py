"""A sentence as normalised words that still know where they stand in the text.

All rules read the normal form: lower case, one space after every word, hyphens gone ("air-space" reads "air space"),
punctuation as words of its own, frequent misspellings mended. Every span of it maps back to the sentence as written.
"""

import re
import tomllib
from bisect import bisect_left
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from nlp_labeler.spelling import mend

__all__ = ["Words", "is_familiar", "normalize"]

# A tag or an entity of HTML is no word, but is matched as a whole so that its letters are none either.
_TOKEN = re.compile(r"<[^<>\n]{1,80}>|&#?\w{1,8};|\d+(?:\.\d+)?|[^\W\d_]+(?:['\u2019][^\W\d_]+)?|[,;:.?!/()\[\]<>=+]")


@dataclass(frozen=True, slots=True)
class Words:
    """The normal form of a sentence.

    Attributes:
        text: the words, each followed by one space.
        tokens: the words.
        starts: where each word starts in ``text``; one more entry for the end.
        spans: the interval of each word in the sentence as written.
    """

    text: str
    tokens: tuple[str, ...]
    starts: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]

    def index(self, position: int) -> int:
        """The number of the word that starts at ``position`` of the normal form."""
        return bisect_left(self.starts, position)

    def source(self, start: int, end: int) -> tuple[int, int]:
        """The interval as written of a non-empty interval of the normal form that falls on word boundaries."""
        return self.spans[self.index(start)][0], self.spans[self.index(end) - 1][1]


def normalize(sentence: str) -> Words:
    """The normal form of a sentence."""
    tokens: list[str] = []
    spans: list[tuple[int, int]] = []
    starts = [0]
    position = 0
    for match in _TOKEN.finditer(sentence):
        if match.end() - match.start() > 1 and match.group()[0] in "<&":
            continue
        word = _normal_word(match.group())
        tokens.append(word)
        spans.append(match.span())
        position += len(word) + 1
        starts.append(position)
    text = " ".join(tokens) + " " if tokens else ""
    return Words(text, tuple(tokens), tuple(starts), tuple(spans))


def is_familiar(sentence: str) -> bool:
    """Whether a sentence uses a word of English chest reports."""
    return not _familiar_words().isdisjoint(normalize(sentence).tokens)


@cache
def _familiar_words() -> frozenset[str]:
    text = resources.files("nlp_labeler.lexicon").joinpath("familiar.toml").read_text(encoding="utf-8")
    return frozenset(tomllib.loads(text)["words"])


@lru_cache(maxsize=8192)  # the vocabulary of reports; numbers fill what is left and are forgotten first
def _normal_word(word: str) -> str:
    lowered = word.lower().replace("\u2019", "'")
    return mend(lowered) if lowered.isascii() else lowered
