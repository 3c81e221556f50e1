"""Train the lung and heart segmentation that ships with the package.

    python -m cxr.training.segmentation.train --data ../shared/data/lung_heart_masks --out cxr/weights/segmentation.onnx

A fifth of each source is never seen; benchmarks/segmentation.py measures Dice on it.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.progress import track
from torch import Tensor

from cxr.imaging.preprocessing import prepare
from cxr.imaging.segmentation import SEGMENTATION_SIZE
from cxr.models.unet import UNet
from cxr.training.segmentation.masked_chests import STRUCTURES, MaskedChest, read_masked_chests
from cxr.training.shared.auxiliary_models import random_exposure, random_geometry, write_auxiliary_onnx, write_card

__all__ = ["train_segmentation"]

BATCH = 16


def stack_of(chest: MaskedChest) -> Tensor:
    """(1 + 3, S, S) float32 in [0, 1]: the image and its masks with soft borders, as the network sees them."""
    layers = [chest.image / np.float32(255), *chest.masks.astype(np.float32)]
    return torch.from_numpy(np.stack([prepare(layer, SEGMENTATION_SIZE)[0] for layer in layers])).float() / 255


def loss_of(logits: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy plus one minus soft Dice, averaged over structures."""
    shares = torch.sigmoid(logits)
    overlap = 2 * (shares * masks).sum((2, 3)) + 1
    dice = overlap / (shares.sum((2, 3)) + masks.sum((2, 3)) + 1)
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, masks) + 1 - dice.mean()


def train_segmentation(chests: list[MaskedChest], epochs: int, seed: int) -> UNet:
    """Train on the chests that are not held out."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    stacks = torch.stack([stack_of(chest) for chest in chests if not chest.held_out])
    model = UNet(len(STRUCTURES)).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-3)
    steps = epochs * (len(stacks) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)
    for _ in track(range(epochs), "Training segmentation"):
        order = torch.randperm(len(stacks), generator=generator)
        for batch in order[: len(stacks) // BATCH * BATCH].split(BATCH):
            views = random_geometry(stacks[batch], generator, degrees=12, scale=0.25, shift=0.1, stretch=0.12)
            image = random_exposure(views[:, :1], generator, noise=0.06).contiguous(memory_format=torch.channels_last)
            optimizer.zero_grad(set_to_none=True)
            loss_of(model(image), views[:, 1:]).backward()
            optimizer.step()
            schedule.step()
    return model


def main(
    data: Annotated[Path, typer.Option(help="Folder with jsrt/ and wingspan/.")],
    out: Annotated[Path, typer.Option(help="ONNX file to write.")],
    epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = 80,
    seed: Annotated[int, typer.Option(help="Of initial weights and random views.")] = 0,
) -> None:
    """Train on the masks and write the ONNX file and its card."""
    write_auxiliary_onnx(train_segmentation(read_masked_chests(data), epochs, seed), SEGMENTATION_SIZE, out)
    write_card(
        out,
        structures=STRUCTURES,
        training_data="JSRT (Shiraishi 2000, masks: van Ginneken 2006) and Wingspan (Dong 2018), four fifths of each",
    )


if __name__ == "__main__":
    typer.run(main)
