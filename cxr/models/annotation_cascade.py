"""Recurrent annotation cascade (Shin 2016, arXiv:1603.08486): a disease first, then its context words as a sequence.

The image and the disease set the state of a recurrent network, which then says where, how bad and on which side, each
word in the light of those before it.
"""

from typing import Final

import torch
from torch import Tensor, nn

__all__ = ["CONTEXT", "WORDS", "AnnotationCascade", "look_at"]

CONTEXT: Final[dict[str, tuple[str, ...]]] = {
    "zone": ("upper lobe", "middle lobe", "lingula", "lower lobe", "base", "apex", "hilum", "costophrenic angle"),
    "severity": ("minimal", "mild", "moderate", "severe"),
    "side": ("left", "right", "bilateral"),
}
"""Slot of the sequence -> its words, in the labeler's terms; any other word of a report counts as not said."""

WORDS: Final[tuple[str, ...]] = ("", *(word for words in CONTEXT.values() for word in words))
"""All words by number; number 0 says nothing."""

_GRID = 4


def look_at(features: Tensor, class_map: Tensor) -> Tensor:
    """What the cascade sees of one finding: the features under its class map, and where the map is hot.

    Args:
        features: (N, D, S, S).
        class_map: (N, S, S) of the finding, in logit units.

    Returns:
        (N, D + 16): the features' mean weighted by the softmax of the map, and that softmax on a 4 x 4 grid.
    """
    weights = class_map.flatten(1).softmax(dim=-1)
    seen = torch.einsum("nl,ndl->nd", weights, features.flatten(2))
    edge = class_map.shape[-1]
    grid = nn.functional.adaptive_avg_pool2d(weights.view(-1, 1, edge, edge), _GRID).flatten(1)
    return torch.cat([seen, grid * edge * edge], dim=-1)


class AnnotationCascade(nn.Module):
    """Disease -> location, severity, side.

    Args:
        inputs: size of what :func:`look_at` gives.
        findings: number of diseases.
        hidden_size: of the recurrent state.
    """

    def __init__(self, inputs: int, findings: int, hidden_size: int) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.LayerNorm(inputs), nn.Linear(inputs, hidden_size))
        self.disease = nn.Embedding(findings, hidden_size)
        self.words = nn.Embedding(len(WORDS), hidden_size)
        self.cell = nn.GRUCell(hidden_size, hidden_size)
        self.predict = nn.Linear(hidden_size, len(WORDS))
        allowed = torch.zeros(len(CONTEXT), len(WORDS), dtype=torch.bool)
        for slot, words in enumerate(CONTEXT.values()):
            allowed[slot, [0, *(WORDS.index(word) for word in words)]] = True
        self.register_buffer("allowed", allowed, persistent=False)

    def forward(self, look: Tensor, disease: Tensor, words: Tensor) -> Tensor:
        """Teacher forcing: (N, inputs), (N,) and the true words (N, 3) -> logits (N, 3, W), -inf outside the slot."""
        state, given = torch.tanh(self.image(look)), self.disease(disease)
        logits = []
        for slot in range(len(CONTEXT)):
            state = self.cell(given, state)
            logits.append(self._slot(state, slot))
            given = self.words(words[:, slot])
        return torch.stack(logits, dim=1)

    def annotate(self, look: Tensor, disease: Tensor) -> Tensor:
        """(N, 3): the likeliest word of each slot, given those said before it."""
        state, given = torch.tanh(self.image(look)), self.disease(disease)
        said = []
        for slot in range(len(CONTEXT)):
            state = self.cell(given, state)
            said.append(self._slot(state, slot).argmax(dim=-1))
            given = self.words(said[-1])
        return torch.stack(said, dim=1)

    def _slot(self, state: Tensor, slot: int) -> Tensor:
        return self.predict(state).masked_fill(~self.get_buffer("allowed")[slot], -torch.inf)
