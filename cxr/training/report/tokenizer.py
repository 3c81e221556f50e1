"""Report text -> word numbers, by a word-level tokeniser that is trained on the training reports."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from cxr.reporting.vocabulary import END, FINDINGS, IMPRESSION, PAD, SPECIAL_WORDS, START, UNKNOWN, Vocabulary

__all__ = ["encode", "train_tokenizer", "vocabulary_of"]

_HEADING = re.compile(r"^(FINDINGS|IMPRESSION):", re.MULTILINE)
_SPECIAL_HEADING = {"FINDINGS": FINDINGS, "IMPRESSION": IMPRESSION}
# Words with their inner apostrophes and hyphens, numbers, and punctuation one by one.
_WORD = r"\d+(?:\.\d+)?|[a-z]+(?:['-][a-z]+)*|[^\sa-z\d]"


def train_tokenizer(texts: Iterable[str], *, min_count: int) -> Tokenizer:
    """A tokeniser that knows every word said at least ``min_count`` times; rarer ones become the unknown word."""
    tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_WORD), behavior="removed", invert=True)
    trainer = trainers.WordLevelTrainer(
        min_frequency=min_count, special_tokens=list(SPECIAL_WORDS), show_progress=False
    )
    tokenizer.train_from_iterator((_HEADING.sub("", text) for text in texts), trainer)
    return tokenizer


def vocabulary_of(tokenizer: Tokenizer) -> Vocabulary:
    """The tokeniser's words by number."""
    numbers = tokenizer.get_vocab()
    return Vocabulary(tuple(sorted(numbers, key=numbers.__getitem__)))


def encode(tokenizer: Tokenizer, texts: Sequence[str], longest: int) -> NDArray[np.int64]:
    """Reports as rows ``start, words, end, padding...``.

    Args:
        tokenizer: trained.
        texts: N reports.
        longest: words that are kept of a report.

    Returns:
        (N, T) with T at most ``longest`` + 2.
    """
    numbers = tokenizer.get_vocab()
    pad, start, end = (numbers[word] for word in (PAD, START, END))
    marked = [_HEADING.sub(lambda heading: _SPECIAL_HEADING[heading[1]], text) for text in texts]
    rows = [[start, *encoding.ids[:longest], end] for encoding in tokenizer.encode_batch(marked)]
    table = np.full((len(rows), max(map(len, rows))), pad, dtype=np.int64)
    for number, row in enumerate(rows):
        table[number, : len(row)] = row
    return table
