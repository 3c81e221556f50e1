"""Multi-scale aggregation (MSA, Cai 2018): fine stages keep small findings that the deepest stage has lost."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate


class MultiScaleAggregation(nn.Module):
    """Several stages of a backbone -> one feature map at the finest of their resolutions.

    A 1 x 1 convolution with batch norm per stage, bilinear enlargement to the finest stage, a sum, ReLU. Which stages,
    and the sum rather than a concatenation, are our reading of the paper's abstract.

    Args:
        stage_channels: channels of each stage, finest first.
        channels: D of the result.
    """

    def __init__(self, stage_channels: Sequence[int], channels: int) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(
            nn.Sequential(nn.Conv2d(inputs, channels, kernel_size=1, bias=False), nn.BatchNorm2d(channels))
            for inputs in stage_channels
        )

    def forward(self, stages: Sequence[Tensor]) -> Tensor:
        """Maps (N, c_i, S_i, S_i), finest first -> (N, D, S_0, S_0)."""
        finest = stages[0].shape[-2:]
        laterals = [lateral(stage) for lateral, stage in zip(self.laterals, stages, strict=True)]
        enlarged = [
            x if x.shape[-2:] == finest else interpolate(x, size=finest, mode="bilinear", align_corners=False)
            for x in laterals
        ]
        return torch.relu(torch.stack(enlarged).sum(dim=0))
