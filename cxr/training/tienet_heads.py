"""Fit the heads of the modes that the joint training does not see: R and I+GR.

A head that was trained beside real reports trusts them more than generated ones deserve. Each mode therefore has a
linear head of its own, fitted to the inputs it will have: states that never saw the image, or generated reports.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cxr.models.tienet import TieNet
from cxr.reporting.vocabulary import Vocabulary
from cxr.training.dictate import greedy_reports
from cxr.training.losses import LossConfig, multilabel_loss, resolve_uncertain

__all__ = ["feature_batches", "fit_mode_heads"]

_BATCH = 64
_STEPS = 60
_DECAY = 1e-3


def feature_batches(features: NDArray[np.float16]) -> Iterator[tuple[slice, Tensor]]:
    """Rows and their (n, channels, S, S) float32 features, in order."""
    for first in range(0, len(features), _BATCH):
        rows = slice(first, min(first + _BATCH, len(features)))
        yield rows, torch.from_numpy(np.asarray(features[rows], dtype=np.float32))


def fit_mode_heads(
    model: TieNet,
    vocabulary: Vocabulary,
    features: NDArray[np.float16],
    words: NDArray[np.int64],
    labels: Tensor,
    longest: int,
) -> None:
    """Fit both heads in place on the training images; the rest of the model stays as it is.

    Args:
        model: after its joint training.
        vocabulary: its words.
        features: (N, channels, S, S).
        words: (N, T) real reports.
        labels: (N, C) with 1, 0, -1 and NaN; -1 is left out.
        longest: words after which generated reports are cut off.
    """
    model.eval()
    real: list[Tensor] = []
    generated: list[Tensor] = []
    with torch.no_grad():
        for rows, batch in feature_batches(features):
            cells = model.cells(batch)
            spoken = torch.from_numpy(words[rows])
            real.append(model.embed(torch.zeros_like(cells), spoken).text)
            embedding = model.embed(cells, greedy_reports(model, vocabulary, cells, longest))
            generated.append(torch.cat([embedding.text, embedding.image], dim=-1))
    known = resolve_uncertain(labels, "ignore")
    for head, inputs in ((model.report_head, torch.cat(real)), (model.generated_head, torch.cat(generated))):
        _fit(head, inputs, known)


def _fit(head: nn.Linear, inputs: Tensor, labels: Tensor) -> None:
    """Penalised logistic regression by L-BFGS."""
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = multilabel_loss(head(inputs), labels, LossConfig()) + _DECAY * head.weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
