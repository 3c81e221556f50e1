"""Multi-scale aggregation (MSA, Cai 2018): fine stages keep small findings that the deepest stage has lost."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate


class MultiScaleAggregation(nn.Module):
    """Several stages of a backbone -> one feature map at the finest of their resolutions.

    A 1 x 1 convolution with batch norm per stage, bilinear enlargement to the finest stage, a sum, ReLU. Which stages,
    and the sum rather than a concatenation, are our reading of the paper's abstract.

    The deepest stage sees the whole image from every cell, so a network may gather its evidence anywhere, and its maps
    then point at nothing. With ``context_dropout`` that stage adds its mean over space alone: what the image is like,
    not where. It is left out for a share of the training images, so that the finer stages learn to score by themselves.

    Args:
        stage_channels: channels of each stage, finest first.
        channels: D of the result.
        context_dropout: share of training images without the deepest stage's mean; None keeps its map as it is.
    """

    def __init__(self, stage_channels: Sequence[int], channels: int, context_dropout: float | None = None) -> None:
        super().__init__()
        self.context_dropout = context_dropout
        self.laterals = nn.ModuleList(
            nn.Sequential(nn.Conv2d(inputs, channels, kernel_size=1, bias=False), nn.BatchNorm2d(channels))
            for inputs in stage_channels
        )

    def forward(self, stages: Sequence[Tensor]) -> Tensor:
        """Maps (N, c_i, S_i, S_i), finest first -> (N, D, S_0, S_0)."""
        finest = stages[0].shape[-2:]
        if self.context_dropout is not None:
            stages = (*stages[:-1], stages[-1].mean(dim=(2, 3), keepdim=True))
        laterals = [lateral(stage) for lateral, stage in zip(self.laterals, stages, strict=True)]
        if self.context_dropout is not None and self.training:
            kept = torch.rand(len(laterals[-1]), 1, 1, 1, device=laterals[-1].device) >= self.context_dropout
            laterals[-1] = laterals[-1] * kept
        total = laterals[0]
        for lateral in laterals[1:]:
            if lateral.shape[-2:] not in (finest, (1, 1)):  # a single cell is the same everywhere: it broadcasts
                lateral = interpolate(lateral, size=finest, mode="bilinear", align_corners=False)
            total = total + lateral
        return torch.relu(total)
