"""Lungs and heart inside a network: the shipped segmentation as frozen torch layers."""

import math
from dataclasses import dataclass
from importlib.resources import files

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from cxr.models.unet import UNet

__all__ = ["SIDE", "STRUCTURES", "OutlinedChest", "Outlines", "resampling"]

SIDE = 128
"""Side of the segmentation's square in pixels."""
STRUCTURES = ("right lung", "left lung", "heart")


@dataclass(frozen=True)
class OutlinedChest:
    """N radiographs with their outlines.

    Attributes:
        images: (N, 1, SIDE, SIDE) in [0, 1].
        logits: (N, 3, SIDE, SIDE), above 0 where a pixel rather belongs to each of STRUCTURES.
    """

    images: Tensor
    logits: Tensor

    @property
    def masks(self) -> Tensor:
        """(N, 3, SIDE, SIDE) in [0, 1], how surely each pixel belongs to each of STRUCTURES."""
        return torch.sigmoid(self.logits)


class Outlines(nn.Module):
    """The network of cxr/weights/segmentation.onnx; it is never trained further."""

    def __init__(self) -> None:
        super().__init__()
        self.unet = _shipped_unet().eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "Outlines":  # noqa: ARG002  its batch norms keep their statistics
        """As of nn.Module, but the segmentation stays in evaluation mode."""
        return super().train(False)

    def forward(self, images: Tensor) -> OutlinedChest:
        """(N, 1, H, W) in [0, 1] -> OutlinedChest."""
        down, across = (resampling(images.shape[axis], images) for axis in (2, 3))
        small = down @ images @ across.T
        return OutlinedChest(small, self.unet(small))


def resampling(size: int, like: Tensor) -> Tensor:
    """(SIDE, size): each row mixes ``size`` pixels into one of SIDE, by an antialiased triangle as Pillow's is.

    A product of matrices is the same in torch and in ONNX to the last digits, an antialiased resize is not; on a
    picture without contrast the segmentation would magnify the difference.

    Args:
        size: pixels along the axis.
        like: a tensor on the device that the result is needed on.
    """
    step = size / SIDE
    centre = (torch.arange(SIDE, device=like.device) + 0.5) * step
    distance = (torch.arange(size, device=like.device) + 0.5)[None, :] - centre[:, None]
    weights = (1 - distance.abs() / max(step, 1.0)).clamp(min=0)
    return weights / weights.sum(dim=1, keepdim=True)


def _shipped_unet() -> UNet:
    """The file's convolutions have their batch norms folded into them; each norm here only adds the bias back."""
    model = onnx.load_model_from_string((files("cxr") / "weights" / "segmentation.onnx").read_bytes())
    folded = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in model.graph.initializer}
    unet = UNet(len(STRUCTURES))
    for name, module in unet.named_modules():
        if isinstance(module, nn.Conv2d):
            module.load_state_dict({kind: folded[f"{name}.{kind}"] for kind in module.state_dict()})
        elif isinstance(module, nn.BatchNorm2d):
            block, place = name.rsplit(".", 1)
            nn.init.constant_(module.weight, math.sqrt(1 + module.eps))  # over a running variance of 1
            with torch.no_grad():
                module.bias.copy_(folded[f"{block}.{int(place) - 1}.weight_bias"])
    return unet
