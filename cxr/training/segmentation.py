"""Train the lung and heart segmentation that ships with the package.

    python -m cxr.training.segmentation --data ../shared/data/lung_heart_masks --out cxr/weights/segmentation.onnx

The 408 radiographs with lung and heart masks are those of JSRT/SCR (Shiraishi 2000, van Ginneken 2006) and Wingspan
(Dong 2018). A fifth of each source is never seen; benchmarks/segmentation.py measures Dice on it.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track
from torch import Tensor

from cxr.datasets.tables import read_table
from cxr.imaging.preprocessing import prepare
from cxr.imaging.segmentation import SEGMENTATION_SIZE
from cxr.models.unet import UNet
from cxr.training.shared.auxiliary_models import random_exposure, random_geometry, write_auxiliary_onnx, write_card

__all__ = ["HELD_OUT_SHARE", "STRUCTURES", "MaskedChest", "read_masked_chests", "train_segmentation"]

STRUCTURES = ("right_lung", "left_lung", "heart")
"""Masks, in the order of the segmentation model's outputs; the patient's sides."""

SOURCES = ("jsrt", "wingspan")
HELD_OUT_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class MaskedChest:
    """One radiograph with its masks.

    Attributes:
        source: the collection it belongs to.
        name: file name.
        image: (H, W) uint8.
        masks: (3, H, W) bool in the order of :data:`STRUCTURES`.
        held_out: whether it is kept from training; decided by a hash of the name, a fifth of each source.
    """

    source: str
    name: str
    image: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    held_out: bool


def read_masked_chests(root: Path) -> list[MaskedChest]:
    """Read ``root/jsrt`` and ``root/wingspan``, each with an index.csv that names image and mask files.

    Raises:
        DatasetError: if an index is missing or lacks a column.
    """
    chests = []
    for source in SOURCES:
        for row in read_table(root / source / "index.csv", ("file", *STRUCTURES)).to_dict("records"):
            masks = np.stack([_gray(root / source / row[structure]) > 127 for structure in STRUCTURES])
            held_out = _share(row["file"]) < HELD_OUT_SHARE
            chests.append(MaskedChest(source, row["file"], _gray(root / source / row["file"]), masks, held_out))
    return chests


def _gray(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.array(picture.convert("L"))


def _share(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32


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
