"""From the words of a report to one vector, and from where they looked to one image vector (Wang 2018, section 3.2)."""

import torch
from torch import Tensor, nn

__all__ = ["AttentionEncodedText", "saliency_weighted_pooling"]


class AttentionEncodedText(nn.Module):
    """AETE: several attentions over the words, each a weighted mean of the states, joined by their maximum.

    G = softmax_T( W_s2 tanh(W_s1 H) ) over the T words, padding masked; M = G H.

    Args:
        hidden_size: H of the decoder's states.
        rows: r attentions (paper: 5).
        width: inner width (paper: 2000).
    """

    def __init__(self, hidden_size: int, rows: int, width: int) -> None:
        super().__init__()
        self.inner = nn.Linear(hidden_size, width, bias=False)
        self.rows = nn.Linear(width, rows, bias=False)

    def forward(self, hidden: Tensor, spoken: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding (N, H) and word weights G (N, r, T).

        Args:
            hidden: (N, T, H).
            spoken: (N, T) bool, False for padding; every report has a word.
        """
        energy = self.rows(torch.tanh(self.inner(hidden))).transpose(1, 2)  # (N, r, T)
        weights = energy.masked_fill(~spoken[:, None], -torch.inf).softmax(dim=-1)
        return (weights @ hidden).amax(dim=1), weights


def saliency_weighted_pooling(cells: Tensor, attention: Tensor, weights: Tensor) -> Tensor:
    """SW-GAP: the features under the attention of the words that matter.

    g_t = max over rows of G[:, t]; a_ws = sum_t g_t a_t, scaled to sum to 1; the result is sum_l a_ws[l] X[l]. The
    paper does not scale; without it the size of the vector depends on how many words matter.

    Args:
        cells: X, (N, L, D).
        attention: a_t, (N, T, L).
        weights: G, (N, r, T).

    Returns:
        (N, D).
    """
    saliency = torch.einsum("nt,ntl->nl", weights.amax(dim=1), attention)
    saliency = saliency / saliency.sum(dim=-1, keepdim=True)
    return torch.einsum("nl,nld->nd", saliency, cells)
