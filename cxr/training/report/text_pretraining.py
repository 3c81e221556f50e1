"""A decoder learns to write what a plan asserts, from reports alone, before it sees an image.

The classifier knows its training images, so that beside them a plan teaches nothing: the decoder would read the labels
off the image, and on new images, of which the classifier is less sure, leave out what was planned. Without images the
plan is all there is.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim import AdamW

from cxr.models.tienet import TieNet
from cxr.training.report.recipe import WARMUP, ReportOptimization, TextPretrainingConfig
from cxr.training.shared.optimization import warmup_cosine

__all__ = ["content_plan_of", "pretrain_on_text"]


def content_plan_of(labels: Tensor) -> Tensor:
    """The plan (N, C) of reports with these labels (N, C): 1 for what is present or uncertain, else -1."""
    return torch.where((labels == 1) | (labels == -1), 1.0, -1.0)


def pretrain_on_text(
    model: TieNet,
    words: NDArray[np.int64],
    labels: Tensor,
    settings: TextPretrainingConfig,
    optimization: ReportOptimization,
    seed: int,
) -> None:
    """Train the decoder in place on images of one patch that shows nothing.

    Args:
        model: its decoder alone is trained.
        words: (N, T) reports, the start word first, padded at the end.
        labels: (N, C) with 1, 0, -1 and NaN.
        settings: how long, in what steps.
        optimization: weight decay and clipping.
        seed: of the order of the reports.
    """
    model.train()
    parameters = list(model.get_submodule("decoder").parameters())
    optimizer = AdamW(parameters, lr=settings.learning_rate, weight_decay=optimization.weight_decay)
    batch = min(settings.batch_size, len(words))
    steps = settings.epochs * (len(words) // batch)
    schedule = warmup_cosine(optimizer, steps, WARMUP)
    rng = np.random.default_rng(seed)
    plans = content_plan_of(labels)
    for _ in track(range(settings.epochs), "Text pre-training", transient=True):
        for rows in np.split(rng.permutation(len(words))[: len(words) // batch * batch], len(words) // batch):
            spoken = torch.from_numpy(words[rows])
            spoken = spoken[:, : int((spoken != model.padding).sum(dim=1).max())]
            nothing = torch.zeros(batch, 1, model.patch_channels)
            said = model.decoder(nothing, spoken[:, :-1], plans[rows])
            loss = cross_entropy(said.logits.transpose(1, 2), spoken[:, 1:], ignore_index=model.padding)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, optimization.gradient_clip)
            optimizer.step()
            schedule.step()
