"""Word numbers <-> report text; needs no tokeniser library, so that the clinic can read what a generator says."""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["END", "FINDINGS", "IMPRESSION", "PAD", "SPECIAL_WORDS", "START", "UNKNOWN", "Span", "Vocabulary"]

PAD, START, END, UNKNOWN, FINDINGS, IMPRESSION = "<pad>", "<start>", "<end>", "<unknown>", "<findings>", "<impression>"
SPECIAL_WORDS: tuple[str, ...] = (PAD, START, END, UNKNOWN, FINDINGS, IMPRESSION)
"""The first words of every vocabulary, in this order."""

_HEADINGS = {FINDINGS: "FINDINGS:", IMPRESSION: "IMPRESSION:"}
_CLOSING = frozenset(".,;:!?)")
_STOPS = frozenset(".!?")

Span = tuple[int, int]
"""Half-open character interval."""


@dataclass(frozen=True)
class Vocabulary:
    """The words that a generator knows; a word's number is its place.

    Attributes:
        words: lower case, the special ones first.
    """

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.words[: len(SPECIAL_WORDS)] != SPECIAL_WORDS:
            raise ValueError(f"a vocabulary starts with {' '.join(SPECIAL_WORDS)}, not {' '.join(self.words[:6])}")
        if len(set(self.words)) != len(self.words):
            raise ValueError("a vocabulary holds each word once")

    def __len__(self) -> int:
        return len(self.words)

    def number(self, word: str) -> int:
        """The number of a word that is in the vocabulary."""
        return self.words.index(word)

    def render(self, numbers: Sequence[int]) -> tuple[str, tuple[Span, ...]]:
        """Text with section headings and capitals, and where in it each word stands.

        Args:
            numbers: words as generated; what follows the end word is left out.

        Returns:
            The text, and the interval of each word before the end; empty for words that are not printed.
        """
        text = ""
        spans: list[Span] = []
        opening = True  # whether the next word starts a sentence
        for number in numbers:
            word = self.words[number]
            if word == END:
                break
            if word in {PAD, START, UNKNOWN}:
                spans.append((len(text), len(text)))
                continue
            if word in _HEADINGS:
                text += ("\n" if text else "") + _HEADINGS[word]
                spans.append((len(text) - len(_HEADINGS[word]), len(text)))
                opening = True
                continue
            if text and word not in _CLOSING and not text.endswith("("):
                text += " "
            spans.append((len(text), len(text) + len(word)))
            text += word[:1].upper() + word[1:] if opening else word
            opening = word in _STOPS or (opening and word.isdigit())
        return text, tuple(spans)
