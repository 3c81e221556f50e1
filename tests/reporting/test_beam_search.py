import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.reporting.beam_search import DecoderStep, beam_search

START, END, WORDS = 0, 1, 5
CELLS = 4


class Markov:
    """A language whose next word depends on the last alone; it looks at the cell of the last word's number."""

    def __init__(self, table):
        self.table = table.astype(np.float32)

    def start(self):
        return (np.zeros((1, 1), dtype=np.float32),)

    def step(self, words, state):
        attention = np.eye(CELLS, dtype=np.float32)[words % CELLS]
        return DecoderStep(self.table[words], attention, (state[0] + 1,))


def language(seed):
    return Markov(np.random.default_rng(seed).normal(0, 2, (WORDS, WORDS)))


def search(decoder, width, longest=4):
    return beam_search(decoder, start=START, end=END, forbidden=(START,), width=width, longest=longest)


def score(decoder, words):
    total, last = 0.0, START
    for word in words:
        logits = decoder.table[last].astype(float)
        total += logits[word] - np.log(np.exp(logits).sum())
        last = word
    return total / len(words)


@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_finds_the_best_report_of_all(seed):
    decoder = language(seed)
    sayable = [w for w in range(WORDS) if w not in (START, END)]
    reports = [(*middle, END) for n in range(5) for middle in itertools.product(sayable, repeat=n)]
    best = max(score(decoder, r) for r in reports)
    assert search(decoder, width=100).score == pytest.approx(best)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 8))
def test_what_is_said_has_its_score_and_one_look_per_word(seed, width, longest):
    decoder = language(seed)
    found = search(decoder, width, longest)
    assert START not in found.words
    assert END not in found.words
    assert found.attention.shape == (len(found.words), CELLS)
    np.testing.assert_allclose(found.attention.sum(1), 1)
    assert found.attention.argmax(1).tolist() == [w % CELLS for w in found.words]
    assert len(found.words) <= longest
    assert found.score == pytest.approx(score(decoder, (*found.words, END)))


def test_greedy_takes_the_likeliest_word():
    table = np.zeros((WORDS, WORDS))
    table[0, 3] = table[3, 2] = table[2, 1] = 9.0
    assert search(Markov(table), width=1).words == (3, 2)
