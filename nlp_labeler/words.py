"""A sentence as normalised words that still know where they stand in the text.

All rules read the normal form: lower case, one space after every word, hyphens gone ("air-space" reads "air space"),
punctuation as words of its own, frequent misspellings mended, abbreviations written out ("RLL" reads "right lower
lobe", all three with the span of the one). Every span of it maps back to the sentence as written.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

from nlp_labeler.spelling import mend

__all__ = ["Words", "normalize"]

# Plain words come first, since most are. A tag or an entity of HTML is no word, but is matched as a whole so that its
# letters are none either. Then: numbers, abbreviations with a stroke ("c/w"; "2/2": secondary to), "+ve" and "-ve",
# sides that are cut short, "#" for a fracture, other words, punctuation.
_TOKEN = re.compile(
    r"(?![Bb]ilat\.)[A-Za-z]{3,}+(?![^\W\d_]|['\u2019])"
    r"|<[^<>\n]{1,80}>|&#?\w{1,8};|(?<!view )(?<!image )(?<!\d)2/2(?=\s(?:to\s)?[A-Za-z])|\d+(?:\.\d+)?"
    r"|(?:[BIbi]/[Ll]|[Cc]/[Ww]|[SsCc]/[Pp]|[HhEe]/[Oo]|[WwRr]/[Oo]|[Dd]/[Tt]|[AaPp]/[Ww])(?![\w/])|[Ww]/(?=\s|[a-z]{3})"
    r"|(?:[RrLl]t|[Bb]ilat)\.(?=\s)|[-\u2212+][Vv][Ee]\b|\([RL]\)|[\u00d8\u2205](?=\s)"
    r"|(?<=[a-z] )#(?=[\s.,;)]|$)(?!\s?\d)|#(?=\s?[a-z])"
    r"|[^\W\d_]+(?:['\u2019][^\W\d_]+)?|[,;:.?!/()\[\]<>=+]"
)
_VERTEBRA = re.compile(r"\s?-?\s?(?:\d|[Ss]pine|SPINE)|&|/")


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


_SYMBOLS = {"\u00f8": "no", "\u2205": "no"}
_SIDES = {"R": "right", "L": "left", "(R)": "right", "(L)": "left"}


def normalize(sentence: str) -> Words:
    """The normal form of a sentence."""
    tokens: list[str] = []
    spans: list[tuple[int, int]] = []
    starts = [0]
    position = 0
    for match in _TOKEN.finditer(sentence):
        word, span = match.group(), match.span()
        if word[0] in "<&" and len(word) > 1:
            continue
        if word in _SIDES and not _VERTEBRA.match(sentence, span[1]):
            word = _SIDES[word]
        for part in _normal_word(word):
            tokens.append(part)
            spans.append(span)
            position += len(part) + 1
            starts.append(position)
    text = " ".join(tokens) + " " if tokens else ""
    return Words(text, tuple(tokens), tuple(starts), tuple(spans))


@lru_cache(maxsize=8192)  # the vocabulary of reports; numbers fill what is left and are forgotten first
def _normal_word(word: str) -> tuple[str, ...]:
    lowered = word.lower().replace("\u2019", "'").replace("\u2212", "-")
    return tuple(mend(lowered).split(" ")) if lowered.isascii() else (_SYMBOLS.get(lowered, lowered),)
