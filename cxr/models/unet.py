"""A small U-Net (Ronneberger 2015, arXiv:1505.04597) for lungs and heart."""

import torch
from torch import Tensor, nn

__all__ = ["UNet", "standardize"]


def standardize(image: Tensor) -> Tensor:
    """Zero mean and unit deviation per image: exposure and contrast carry no anatomy.

    Args:
        image: (N, 1, H, W).
    """
    mean = image.mean(dim=(2, 3), keepdim=True)
    centred = image - mean
    return centred / (centred.square().mean(dim=(2, 3), keepdim=True).sqrt() + 1e-3)


class UNet(nn.Module):
    """Encoder and decoder with skip connections; one logit map per structure.

    Args:
        classes: number of output maps.
        widths: channels per level, the first at full resolution.
    """

    def __init__(self, classes: int, widths: tuple[int, ...] = (8, 16, 32, 48, 64)) -> None:
        super().__init__()
        inputs = (1, *widths[:-1])
        self.down = nn.ModuleList(_double(i, o) for i, o in zip(inputs, widths, strict=True))
        self.up = nn.ModuleList(
            _double(deep + shallow, shallow) for deep, shallow in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 1, H, W) in [0, 1] -> (N, classes, H, W) logits; H and W divisible by 2 per level."""
        features = standardize(image)
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            features = block(features if level == 0 else nn.functional.max_pool2d(features, 2))
            skips.append(features)
        for block, skip in zip(self.up, reversed(skips[:-1]), strict=True):
            upsampled = nn.functional.interpolate(features, scale_factor=2, mode="nearest")
            features = block(torch.cat([upsampled, skip], dim=1))
        return self.head(features)


def _double(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3 x 3 convolutions with batch norm and ReLU."""
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(True)]
    return nn.Sequential(*layers)
