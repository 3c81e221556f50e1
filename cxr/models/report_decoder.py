"""What TieNet asks of a decoder, and its attention LSTM (Wang 2018, section 3.1)."""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, logsigmoid

__all__ = ["AttentionLSTM", "DecoderOutput", "DecoderState", "ReportDecoder"]

# Before training no word covers any part of the plan: sigmoid(6) ^ 80 = .82 of it is left after 80 words. From there
# the usual learning rates would not get to sigmoid(-3) in a training, hence the scale.
_INITIAL_REMAINING, _COVERAGE_SCALE = 6.0, 10.0

DecoderState = tuple[Tensor, ...]
"""What a decoder remembers of N partial reports: tensors whose first axis is N."""


@dataclass(frozen=True)
class DecoderOutput:
    """T words of N reports.

    Attributes:
        logits: (N, T, V), of the word after each.
        hidden: (N, T, H), the states that AETE reads, each with what it saw of the image.
        attention: (N, T, L), where the decoder looked; each row sums to 1 over the L patches.
    """

    logits: Tensor
    hidden: Tensor
    attention: Tensor


class ReportDecoder(Protocol):
    """A language model that looks at an image; patches are its (N, L, D) features.

    The plan (N, C) says what a report is to assert: 1 present, -1 absent, 0 nothing given. The paper has none: its
    likeliest report leaves out findings that many reports would mention, each in other words.
    """

    hidden_size: int

    def __call__(self, patch_features: Tensor, words: Tensor, content_plan: Tensor) -> DecoderOutput:
        """Teacher forcing: (N, L, D) features, (N, T) words, the start word first, and the plan."""

    def start(self, patch_features: Tensor, content_plan: Tensor) -> DecoderState:
        """The state before the start word."""

    def step(self, words: Tensor, state: DecoderState, patch_features: Tensor) -> tuple[DecoderOutput, DecoderState]:
        """One word (N,) of each report; the output has T = 1."""


class AttentionLSTM(nn.Module):
    """LSTM language model whose every state looks at the image through soft attention before the next word.

    a_t = softmax_L( (W_k X) . (W_q h_t) / sqrt(A) + M . (W_m h_t) ) with the classifier's class maps M, which are among
    the features X; context_t = sum_l a_t[l] X[l]; the next word is predicted from tanh( W [h_t; context_t; d_t] ),
    which is also the state that AETE reads. The paper feeds the context back into the LSTM; here it goes forward only
    (global attention, Luong 2015, arXiv:1508.04025), so that all words of a training report are computed at once: a CPU
    then trains in seconds what took it minutes.

    d_t is what is left of the content plan to be said: every word covers what it says, d_t = d_{t-1} * r(word_t), as in
    the semantically conditioned LSTM (Wen 2015, arXiv:1508.01745), where r also depends on the state. d_t goes into the
    LSTM beside the word, so that a report does not end before its findings are said, nor say them twice.

    Args:
        channels: D of the image features.
        class_maps: which of the D features are the classifier's class maps.
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
        class_maps: slice,
        labels: int,
        vocabulary: int,
        word_size: int,
        hidden_size: int,
        attention_size: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.class_maps = class_maps
        self.words = nn.Embedding(vocabulary, word_size)
        self.coverage = nn.Embedding(vocabulary, labels)
        nn.init.zeros_(self.coverage.weight)
        self.first_hidden = nn.Linear(2 * channels + labels, hidden_size)
        self.first_cell = nn.Linear(2 * channels + labels, hidden_size)
        self.lstm = nn.LSTM(word_size + labels, hidden_size, batch_first=True)
        self.features_key = nn.Linear(channels, attention_size)
        self.query = nn.Linear(hidden_size + labels, attention_size + labels, bias=False)
        self.join = nn.Linear(hidden_size + channels + labels, hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.predict = nn.Linear(hidden_size, vocabulary)

    def keys(self, patch_features: Tensor) -> Tensor:
        """(N, L, A + C) what the states' queries meet in each of the (N, L, D) patches."""
        features = self.features_key(patch_features) / math.sqrt(self.features_key.out_features)
        return torch.cat([features, patch_features[:, :, self.class_maps]], dim=-1)

    def start(self, patch_features: Tensor, content_plan: Tensor) -> DecoderState:
        """Hidden state (N, H), and the cell with the plan behind it (N, H + C).

        What is seen at first is the plan, and the mean and the maximum of each of the (N, L, D) features. In the mean
        alone, which the paper takes, a nodule that fills one patch of hundreds would be lost.
        """
        pooled = torch.cat([patch_features.mean(dim=1), patch_features.amax(dim=1), content_plan], dim=-1)
        return torch.tanh(self.first_hidden(pooled)), torch.cat(
            [torch.tanh(self.first_cell(pooled)), content_plan], dim=-1
        )

    def forward(self, patch_features: Tensor, words: Tensor, content_plan: Tensor) -> DecoderOutput:
        """(N, L, D) features, (N, T) words, the start word first, and a plan (N, C)."""
        hidden, memory = self.start(patch_features, content_plan)
        first = (hidden[None], memory[None, :, : self.hidden_size].contiguous())
        remaining = content_plan[:, None] * logsigmoid(self._remaining_logits(words)).cumsum(dim=1).exp()  # (N, T, C)
        states, _ = self.lstm(torch.cat([self.dropout(self.words(words)), remaining], dim=-1), first)
        return self._look(states, remaining, patch_features, self.keys(patch_features))

    def step(self, words: Tensor, state: DecoderState, patch_features: Tensor) -> tuple[DecoderOutput, DecoderState]:
        """One word (N,) of each report; ``patch_features`` may hold one image, N = 1, for all of them."""
        return self.keyed_step(words, state, patch_features, self.keys(patch_features))

    def keyed_step(
        self, words: Tensor, state: DecoderState, patch_features: Tensor, keys: Tensor
    ) -> tuple[DecoderOutput, DecoderState]:
        """:meth:`step` with the patches' :meth:`keys` at hand, which do not change from word to word."""
        hidden, memory = state
        cell, remaining = memory[:, : self.hidden_size], memory[:, self.hidden_size :]
        remaining = remaining * torch.sigmoid(self._remaining_logits(words))
        from_word, from_state, word_bias, state_bias = self.lstm.all_weights[0]
        taken_in = torch.cat([self.dropout(self.words(words)), remaining], dim=-1)
        gates = linear(taken_in, from_word, word_bias) + linear(hidden, from_state, state_bias)
        take, keep, new, show = gates.chunk(4, dim=-1)
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(take) * torch.tanh(new)
        hidden = torch.sigmoid(show) * torch.tanh(cell)
        return self._look(hidden[:, None], remaining[:, None], patch_features, keys), (
            hidden,
            torch.cat([cell, remaining], dim=-1),
        )

    def _remaining_logits(self, words: Tensor) -> Tensor:
        """(..., C) log odds that what was left of each label's plan still is after each word."""
        return _INITIAL_REMAINING - _COVERAGE_SCALE * self.coverage(words)

    def _look(self, states: Tensor, remaining: Tensor, patch_features: Tensor, keys: Tensor) -> DecoderOutput:
        """Attend from T states (N, T, H), with (N, T, C) left to be said, and predict."""
        query = self.query(torch.cat([states, remaining], dim=-1))
        attention = (query @ keys.transpose(1, 2)).softmax(dim=-1)  # (N, T, L)
        joined = torch.tanh(self.join(torch.cat([states, attention @ patch_features, remaining], dim=-1)))
        return DecoderOutput(self.predict(self.dropout(joined)), joined, attention)
