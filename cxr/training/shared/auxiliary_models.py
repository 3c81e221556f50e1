"""What the two small models beside the classifier share: random views of a batch, and the way into an ONNX file.

The classifier's augmentation (:mod:`cxr.imaging.augmentation`) works image by image; these models need masks moved
along with the image and are small enough that the batch itself is the cheapest unit.
"""

import json
import math
from pathlib import Path

import torch
from torch import Tensor, nn

from cxr.models.onnx_writer import write_onnx_file
from nlp_labeler.storage import file_sha256, write_text

__all__ = ["random_exposure", "random_geometry", "write_auxiliary_onnx", "write_card"]


def random_geometry(
    stack: Tensor, generator: torch.Generator, *, degrees: float, scale: float, shift: float, stretch: float
) -> Tensor:
    """Rotate, scale, move and stretch every image of a batch together with its masks.

    Args:
        stack: (N, C, H, W); image and masks as channels.
        generator: source of the random numbers.
        degrees: largest rotation either way.
        scale: largest relative change of size.
        shift: largest shift as a part of the side.
        stretch: largest relative change of width against height.

    Returns:
        (N, C, H, W); what comes in from outside is 0.
    """
    count = len(stack)

    def uniform(limit: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * limit

    angle, size, aspect = uniform(math.radians(degrees)), 1 + uniform(scale), 1 + uniform(stretch)
    cos, sin = torch.cos(angle) / size, torch.sin(angle) / size
    matrix = torch.stack(
        [
            torch.stack([cos * aspect, -sin, uniform(2 * shift)], dim=1),
            torch.stack([sin * aspect, cos, uniform(2 * shift)], dim=1),
        ],
        dim=1,
    )
    grid = torch.nn.functional.affine_grid(matrix, list(stack.shape), align_corners=False)
    return torch.nn.functional.grid_sample(stack, grid, align_corners=False)


def random_exposure(image: Tensor, generator: torch.Generator, *, noise: float) -> Tensor:
    """Change gamma, contrast and brightness, blur some, and add noise.

    Args:
        image: (N, 1, H, W) in [0, 1].
        generator: source of the random numbers.
        noise: largest standard deviation of the added noise.
    """
    count = len(image)

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand((count, 1, 1, 1), generator=generator) * (high - low) + low

    changed = image.clamp(0, 1) ** torch.exp2(uniform(-1, 1))
    changed = (changed - 0.5) * uniform(0.6, 1.3) + 0.5 + uniform(-0.15, 0.15)
    blurred = torch.nn.functional.avg_pool2d(changed, 3, stride=1, padding=1, count_include_pad=False)
    changed = torch.where(uniform(0, 1) < 0.3, blurred, changed)
    return (changed + torch.randn(image.shape, generator=generator) * uniform(0, noise)).clamp(0, 1)


def write_auxiliary_onnx(module: nn.Module, size: int, path: Path) -> None:
    """Export with a free batch dimension: ``image`` (N, 1, size, size) float32 in [0, 1] -> ``logits``.

    Args:
        module: the trained module.
        size: side of the input in pixels.
        path: the .onnx file to write.
    """
    write_onnx_file(
        module,
        (torch.rand(2, 1, size, size),),
        path,
        inputs=("image",),
        outputs=("logits",),
        dynamic=({0: torch.export.Dim("batch")},),
    )


def write_card(model: Path, **content: object) -> None:
    """Write NAME.json beside a model: the hash that binds them, and whatever else there is to say."""
    write_text(model.with_suffix(".json"), json.dumps({"sha256": file_sha256(model), **content}, indent=1) + "\n")
