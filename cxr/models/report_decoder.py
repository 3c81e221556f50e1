"""What TieNet asks of a decoder, and its attention LSTM (Wang 2018, section 3.1)."""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

__all__ = ["AttentionLSTM", "DecoderOutput", "DecoderState", "ReportDecoder"]

DecoderState = tuple[Tensor, ...]
"""What a decoder remembers of N partial reports: tensors whose first axis is N."""


@dataclass(frozen=True)
class DecoderOutput:
    """T words of N reports.

    Attributes:
        logits: (N, T, V), of the word after each.
        hidden: (N, T, H), the states that AETE reads, each with what it saw of the image.
        attention: (N, T, L), where the decoder looked; each row sums to 1 over the L cells.
    """

    logits: Tensor
    hidden: Tensor
    attention: Tensor


class ReportDecoder(Protocol):
    """A language model that looks at an image; cells are its (N, L, D) features.

    The plan (N, C) says what a report is to assert: 1 present, -1 absent, 0 nothing given. The paper has none: its
    likeliest report leaves out findings that many reports would mention, each in other words.
    """

    hidden_size: int

    def __call__(self, cells: Tensor, words: Tensor, plan: Tensor) -> DecoderOutput:
        """Teacher forcing: (N, L, D) features, (N, T) words, the start word first, and the plan."""

    def start(self, cells: Tensor, plan: Tensor) -> DecoderState:
        """The state before the start word."""

    def step(self, words: Tensor, state: DecoderState, cells: Tensor) -> tuple[DecoderOutput, DecoderState]:
        """One word (N,) of each report; the output has T = 1."""


class AttentionLSTM(nn.Module):
    """LSTM language model whose every state looks at the image through soft attention before the next word.

    a_t = softmax_L( (W_k X) . (W_q h_t) / sqrt(A) ); context_t = sum_l a_t[l] X[l]; the next word is predicted from
    tanh( W [h_t; context_t; plan] ), which is also the state that AETE reads. The paper feeds the context back into the
    LSTM; here it goes forward only (global attention, Luong 2015, arXiv:1508.04025), so that all words of a training
    report are computed at once: a CPU then trains in seconds what took it minutes.

    Args:
        channels: D of the image features.
        labels: C of the plan.
        vocabulary: V.
        word_size: of the word embedding (paper: 200).
        hidden_size: H of the LSTM (paper: 256).
        attention_size: A.
        dropout: on word embeddings and before the prediction (paper: .5).
    """

    def __init__(
        self,
        channels: int,
        labels: int,
        vocabulary: int,
        word_size: int,
        hidden_size: int,
        attention_size: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.words = nn.Embedding(vocabulary, word_size)
        self.first_hidden = nn.Linear(2 * channels + labels, hidden_size)
        self.first_cell = nn.Linear(2 * channels + labels, hidden_size)
        self.lstm = nn.LSTM(word_size, hidden_size, batch_first=True)
        self.keys = nn.Linear(channels, attention_size)
        self.query = nn.Linear(hidden_size, attention_size, bias=False)
        self.join = nn.Linear(hidden_size + channels + labels, hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.predict = nn.Linear(hidden_size, vocabulary)

    def start(self, cells: Tensor, plan: Tensor) -> DecoderState:
        """Hidden state (N, H), and the cell with the plan behind it (N, H + C).

        What is seen at first is the plan, and the mean and the maximum of each of the (N, L, D) features. In the mean
        alone, which the paper takes, a nodule that fills one cell of hundreds would be lost.
        """
        pooled = torch.cat([cells.mean(dim=1), cells.amax(dim=1), plan], dim=-1)
        return torch.tanh(self.first_hidden(pooled)), torch.cat([torch.tanh(self.first_cell(pooled)), plan], dim=-1)

    def forward(self, cells: Tensor, words: Tensor, plan: Tensor) -> DecoderOutput:
        """(N, L, D) features, (N, T) words, the start word first, and a plan (N, C)."""
        hidden, memory = self.start(cells, plan)
        first = (hidden[None], memory[None, :, : self.hidden_size].contiguous())
        states, _ = self.lstm(self.dropout(self.words(words)), first)
        return self._look(states, cells, self.keys(cells), plan)

    def step(self, words: Tensor, state: DecoderState, cells: Tensor) -> tuple[DecoderOutput, DecoderState]:
        """One word (N,) of each report; ``cells`` may hold one image, N = 1, for all of them."""
        return self.keyed_step(words, state, cells, self.keys(cells))

    def keyed_step(
        self, words: Tensor, state: DecoderState, cells: Tensor, keys: Tensor
    ) -> tuple[DecoderOutput, DecoderState]:
        """:meth:`step` with the cells' keys (N, L, A) at hand, which do not change from word to word."""
        hidden, memory = state
        cell, plan = memory[:, : self.hidden_size], memory[:, self.hidden_size :]
        from_word, from_state, word_bias, state_bias = self.lstm.all_weights[0]
        gates = linear(self.dropout(self.words(words)), from_word, word_bias) + linear(hidden, from_state, state_bias)
        take, keep, new, show = gates.chunk(4, dim=-1)
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(take) * torch.tanh(new)
        hidden = torch.sigmoid(show) * torch.tanh(cell)
        return self._look(hidden[:, None], cells, keys, plan), (hidden, torch.cat([cell, plan], dim=-1))

    def _look(self, states: Tensor, cells: Tensor, keys: Tensor, plan: Tensor) -> DecoderOutput:
        """Attend from T states (N, T, H) and predict."""
        query = self.query(states) / math.sqrt(keys.shape[-1])
        attention = (query @ keys.transpose(1, 2)).softmax(dim=-1)  # (N, T, L)
        plans = plan[:, None].expand(-1, states.shape[1], -1)
        joined = torch.tanh(self.join(torch.cat([states, attention @ cells, plans], dim=-1)))
        return DecoderOutput(self.predict(self.dropout(joined)), joined, attention)
