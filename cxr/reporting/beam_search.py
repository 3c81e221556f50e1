"""Beam search over any decoder that can take one step: the one search of training and clinic."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["DecodedReport", "DecoderStep", "State", "StepDecoder", "beam_search"]

State = tuple[NDArray[np.float32], ...]
"""What a decoder remembers of B partial reports: arrays whose first axis is B."""


@dataclass(frozen=True)
class DecoderStep:
    """One step for B partial reports.

    Attributes:
        logits: (B, V) float32 of the next word.
        attention: (B, S * S) float32, where the decoder looked then; each row sums to 1.
        state: with the word that was given taken in.
    """

    logits: NDArray[np.float32]
    attention: NDArray[np.float32]
    state: State


class StepDecoder(Protocol):
    """A decoder that looks at one image."""

    def start(self) -> State:
        """The state before the first word; B is 1."""

    def step(self, words: NDArray[np.int64], state: State) -> DecoderStep:
        """Take in the last words (B,) and give the logits of the next."""


@dataclass(frozen=True)
class DecodedReport:
    """A generated report.

    Attributes:
        words: numbers, without the start and end words.
        attention: (T, S * S) float32, where the decoder looked once it had taken in each word: before, it could not
            know of which finding it was about to speak. TieNet's joint embedding pairs them alike.
        score: mean log probability per word, the end word included.
    """

    words: tuple[int, ...]
    attention: NDArray[np.float32]
    score: float


@dataclass(frozen=True)
class _Partial:
    words: tuple[int, ...]
    attention: tuple[NDArray[np.float32], ...]
    total: float

    @property
    def score(self) -> float:
        return self.total / len(self.words)


def beam_search(
    decoder: StepDecoder, *, start: int, end: int, forbidden: Sequence[int], width: int, longest: int
) -> DecodedReport:
    """The most probable report per word among those that a beam of ``width`` reaches.

    Args:
        decoder: of one image.
        start: number of the start word.
        end: number of the end word.
        forbidden: words never to be said.
        width: partial reports kept per step; 1 is greedy.
        longest: words after which a report is cut off.
    """
    state = decoder.start()
    partials = [_Partial((), (), 0.0)]
    last = np.array([start], dtype=np.int64)
    finished: list[_Partial] = []
    for length in range(longest + 1):
        step = decoder.step(last, state)
        chances = _log_softmax(step.logits)
        chances[:, list(forbidden)] = -np.inf
        if length == longest:
            chances[:, np.arange(chances.shape[1]) != end] = -np.inf
        totals = np.array([p.total for p in partials])[:, None] + chances
        best = np.argsort(-totals, axis=None, kind="stable")[: 2 * width]
        rows: list[int] = []
        grown: list[_Partial] = []
        for rank, place in enumerate(best):
            row, word = divmod(int(place), totals.shape[1])
            if not np.isfinite(totals[row, word]):
                break
            partial = _Partial(
                (*partials[row].words, word), (*partials[row].attention, step.attention[row]), float(totals[row, word])
            )
            if word == end:
                if rank < width:  # else longer reports that are likelier so far still have to end
                    finished.append(partial)
            elif len(grown) < width:
                grown.append(partial)
                rows.append(row)
        partials = grown
        if length == longest or (
            len(finished) >= width and max(p.score for p in finished) >= max(p.score for p in partials)
        ):
            break
        state = tuple(part[rows] for part in step.state)
        last = np.array([p.words[-1] for p in partials], dtype=np.int64)
    chosen = max(finished, key=lambda p: p.score)
    return DecodedReport(chosen.words[:-1], np.stack(chosen.attention)[1:].astype(np.float32), chosen.score)


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
