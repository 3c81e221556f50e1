"""Radiographs held in memory as bytes, and changed at random on the device that holds them.

A few thousand films of 256 pixels take a few hundred megabytes. Where they stay on the accelerator, a training step
needs nothing from the host.
"""

from dataclasses import dataclass

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

__all__ = ["RandomViews", "Views", "plain_views", "random_views", "shown_maps"]

UINT8_MAX = 255.0


class RandomViews(BaseModel):
    """Ranges of the random changes, as of imaging.augmentation.AugmentationConfig; 0 switches one off.

    Attributes:
        rotate_degrees: largest turn either way.
        scale: largest enlargement or reduction, as a share of the side.
        translate: largest shift along each axis, as a share of the side.
        brightness: largest share of full brightness that is added or taken away.
        contrast: largest change of the factor on the pixels.
        gamma: largest change of the exponent on the pixels.
        mirror_probability: share of the films shown mirrored.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rotate_degrees: float = Field(default=10.0, ge=0, le=45)
    scale: float = Field(default=0.15, ge=0, lt=1)
    translate: float = Field(default=0.05, ge=0, lt=1)
    brightness: float = Field(default=0.2, ge=0, le=1)
    contrast: float = Field(default=0.2, ge=0, le=1)
    gamma: float = Field(default=0.2, ge=0, lt=1)
    mirror_probability: float = Field(default=0.5, ge=0, le=1)


# The share of the films whose brightness and contrast, and whose gamma, are changed at all.
_RECOLOURED, _RECURVED = 0.8, 0.5


@dataclass(frozen=True)
class Views:
    """Films as a training step shows them.

    Attributes:
        images: (N, 1, size, size) in [0, 1].
        transforms: (N, 2, 3), from places in the view to places in the film, both in [-1, 1] (x, y).
    """

    images: Tensor
    transforms: Tensor


def plain_views(films: Tensor, size: int) -> Tensor:
    """Films as they are, in the size that a network takes.

    Args:
        films: (N, S, S) uint8.
        size: side in pixels.

    Returns:
        (N, 1, size, size) in [0, 1].
    """
    images = films[:, None].float() / UINT8_MAX
    if images.shape[-1] == size:
        return images
    return interpolate(images, size=(size, size), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)


def random_views(films: Tensor, size: int, changes: RandomViews) -> Views:
    """Turned, scaled, shifted, mirrored and recoloured at random, each film by itself.

    The random numbers are drawn from the device's default generator.

    Args:
        films: (N, S, S) uint8.
        size: side of the views in pixels.
        changes: the ranges.
    """
    count, device = len(films), films.device

    def between(spread: float) -> Tensor:
        return (torch.rand(count, device=device) * 2 - 1) * spread

    def share(probability: float) -> Tensor:
        return torch.rand(count, device=device) < probability

    angle = between(changes.rotate_degrees * torch.pi / 180)
    enlarged = 1 + between(changes.scale)
    mirrored = 1 - 2 * share(changes.mirror_probability).float()
    cosine, sine = torch.cos(angle) / enlarged, torch.sin(angle) / enlarged
    across = torch.stack([cosine * mirrored, -sine, between(2 * changes.translate)], dim=1)
    down = torch.stack([sine * mirrored, cosine, between(2 * changes.translate)], dim=1)
    transforms = torch.stack([across, down], dim=1)
    grid = affine_grid(transforms, [count, 1, size, size], align_corners=False)
    images = grid_sample(films[:, None].float() / UINT8_MAX, grid, mode="bilinear", align_corners=False)
    recoloured = share(_RECOLOURED).float()
    factor = 1 + between(changes.contrast) * recoloured
    added = between(changes.brightness) * recoloured
    images = (images * factor[:, None, None, None] + added[:, None, None, None]).clamp(1e-4, 1)
    exponent = 1 + between(changes.gamma) * share(_RECURVED).float()
    return Views(images ** exponent[:, None, None, None], transforms)


def shown_maps(maps: Tensor, transforms: Tensor, side: int) -> Tensor:
    """Class maps of films, moved as their views are.

    Args:
        maps: (N, C, s, s) over the films.
        transforms: as of Views.
        side: cells along a side of the result.

    Returns:
        (N, C, side, side) float32; what lies outside the film takes the value of its border.
    """
    grid = affine_grid(transforms, [len(maps), maps.shape[1], side, side], align_corners=False)
    return grid_sample(maps.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
