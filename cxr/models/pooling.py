"""Pooling of a feature map over space."""

from typing import Literal

import torch
from torch import Tensor, nn

PoolingName = Literal["lse", "average", "max"]


class LogSumExpPooling(nn.Module):
    """Log-sum-exp pooling (Wang 2017, eq. 2), between mean (r -> 0) and maximum (r -> inf).

    x_p = x* + 1/r * log( mean_ij exp( r * (x_ij - x*) ) ) with x* = max_ij x_ij.

    Args:
        r: sharpness, > 0; the paper found 10 best.
    """

    def __init__(self, r: float = 10.0) -> None:
        super().__init__()
        if r <= 0:
            raise ValueError(f"r must be > 0, got {r}")
        self.r = r

    def forward(self, features: Tensor) -> Tensor:
        """(N, D, H, W) -> (N, D)."""
        flat = features.flatten(2)
        # Written out as the equation stands: onnxruntime takes four times as long for its own log-sum-exp. The maximum
        # cancels in the gradient, so none is taken through it.
        top = flat.detach().amax(dim=-1, keepdim=True)
        spread = torch.exp(self.r * (flat - top)).mean(dim=-1)
        return top.squeeze(-1) + torch.log(spread) / self.r


class AveragePooling(nn.Module):
    """Mean over space: the plain baseline."""

    def forward(self, features: Tensor) -> Tensor:
        """(N, D, H, W) -> (N, D)."""
        return features.flatten(2).mean(dim=-1)


class MaxPooling(nn.Module):
    """Maximum over space."""

    def forward(self, features: Tensor) -> Tensor:
        """(N, D, H, W) -> (N, D)."""
        return features.flatten(2).amax(dim=-1)


def make_pooling(name: PoolingName, r: float) -> nn.Module:
    """The pooling layer a recipe names; ``r`` matters to ``"lse"`` only."""
    if name == "lse":
        return LogSumExpPooling(r)
    return AveragePooling() if name == "average" else MaxPooling()
