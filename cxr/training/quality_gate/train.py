"""Train the quality gate that ships with the package, and set its thresholds.

    python -m cxr.training.quality_gate.train --data ../shared/data --out cxr/weights

The thresholds come from upright chests of patients that the network was not trained on; benchmarks/gate.py measures
the gate on pictures that neither has seen.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor

from cxr.errors import RefusalCode
from cxr.imaging.quality import GATE_OUTPUTS, GATE_SIZE, QualityGate, gate_input
from cxr.models.gate_network import GateNetwork
from cxr.training.quality_gate.non_chests import photographs
from cxr.training.quality_gate.pictures import calibration_chests, training_chests, training_non_chests
from cxr.training.shared.auxiliary_models import random_exposure, random_geometry, write_auxiliary_onnx, write_card

__all__ = ["UNKNOWN", "GateBatch", "chest_batch", "fit_thresholds", "other_batch", "train_gate"]

UNKNOWN = -1
"""Target of a question that a picture does not answer."""


@dataclass(frozen=True, eq=False)
class GateBatch:
    """Pictures and the answers to the gate's questions.

    Attributes:
        images: (N, 1, S, S) float32 in [0, 1].
        answers: (N, 3) chest, inverted, cropped: 1, 0 or UNKNOWN.
        turns: (N,) quarter turns against the clock, or UNKNOWN.
    """

    images: Tensor
    answers: Tensor
    turns: Tensor


def chest_batch(chests: list[NDArray[np.float32]], rng: np.random.Generator, generator: torch.Generator) -> GateBatch:
    """Chests, some of them inverted, turned or cut, with the answers that follow."""
    parts, cropped = zip(*(_cut(chest, rng) for chest in chests), strict=True)
    images = _tensor(parts)
    images = random_geometry(images, generator, degrees=9, scale=0.06, shift=0.04, stretch=0.08)
    images = random_exposure(images, generator, noise=0.06)
    turns = rng.choice(4, size=len(chests), p=(0.55, 0.15, 0.15, 0.15))
    inverted = rng.random(len(chests)) < 0.3
    for row, (turn, negative) in enumerate(zip(turns, inverted, strict=True)):
        image = torch.rot90(images[row], int(turn), (1, 2))
        images[row] = 1 - image if negative else image
    answers = np.stack([np.ones(len(chests)), inverted, cropped], axis=1)
    return GateBatch(images, torch.from_numpy(answers.astype(np.float32)), torch.from_numpy(turns))


def other_batch(pictures: list[NDArray[np.float32]], generator: torch.Generator) -> GateBatch:
    """Pictures that are no chests: only the first question has an answer."""
    images = random_exposure(_tensor(pictures), generator, noise=0.06)
    answers = torch.full((len(pictures), 3), float(UNKNOWN))
    answers[:, 0] = 0
    return GateBatch(images, answers, torch.full((len(pictures),), UNKNOWN))


def _tensor(pictures: "tuple[NDArray[np.float32], ...] | list[NDArray[np.float32]]") -> Tensor:
    return torch.from_numpy(np.stack([gate_input(picture) for picture in pictures])[:, None]).float() / 255


def _cut(chest: NDArray[np.float32], rng: np.random.Generator) -> tuple[NDArray[np.float32], int]:
    """A part of a chest, and whether it is cropped: 1 below two thirds of a side, 0 from nine tenths on."""
    fault = rng.random() < 0.25
    kept = rng.uniform(0.9, 1.0, 2)
    if fault:
        kept[rng.integers(2)] = rng.uniform(0.35, 0.62)
    elif rng.random() < 0.1:
        kept[rng.integers(2)] = rng.uniform(0.62, 0.9)
    height, width = chest.shape
    rows, columns = int(height * kept[0]), int(width * kept[1])
    top, left = rng.integers(0, height - rows + 1), rng.integers(0, width - columns + 1)
    part = chest[top : top + rows, left : left + columns]
    if rng.random() < 0.15:
        # Collimator blades leave black margins.
        part = np.pad(part, [tuple(rng.integers(0, 16, 2)), tuple(rng.integers(0, 16, 2))])
    return part, 1 if fault else UNKNOWN if kept.min() < 0.9 else 0


CHESTS_PER_BATCH, OTHERS_PER_BATCH = 48, 24
# Share of good chests that each kind of refusal may cost; four kinds stay below one in a hundred together.
COST_PER_FAULT = 0.002
LOWEST_LIMIT, HIGHEST_LIMIT = 0.5, 0.999


def loss_of(logits: Tensor, batch: GateBatch) -> Tensor:
    """Cross-entropy over the questions that the pictures answer."""
    known = batch.answers != UNKNOWN
    yes_no = torch.nn.functional.binary_cross_entropy_with_logits(logits[:, :3][known], batch.answers[known])
    if (batch.turns == UNKNOWN).all():
        return yes_no
    return yes_no + torch.nn.functional.cross_entropy(logits[:, 3:], batch.turns, ignore_index=UNKNOWN)


def train_gate(chests: list[NDArray[np.float32]], epochs: int, seed: int) -> GateNetwork:
    """Train on random views of good chests and on as many other pictures as half of them."""
    torch.manual_seed(seed)
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    pictures = [pixels for _, pixels in photographs(held_out=False)]
    model = GateNetwork(len(GATE_OUTPUTS), GATE_SIZE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    steps = len(chests) // CHESTS_PER_BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=epochs * steps)
    for _ in track(range(epochs), "Training the gate"):
        order = rng.permutation(len(chests))[: steps * CHESTS_PER_BATCH].reshape(steps, -1)
        others = training_non_chests(steps * OTHERS_PER_BATCH, pictures, chests, rng)
        for step, rows in enumerate(order):
            good = chest_batch([chests[row] for row in rows], rng, generator)
            bad = other_batch(others[step * OTHERS_PER_BATCH : (step + 1) * OTHERS_PER_BATCH], generator)
            batch = GateBatch(
                torch.cat([good.images, bad.images]),
                torch.cat([good.answers, bad.answers]),
                torch.cat([good.turns, bad.turns]),
            )
            optimizer.zero_grad(set_to_none=True)
            loss_of(model(batch.images), batch).backward()
            optimizer.step()
            schedule.step()
    return model


def fit_thresholds(gate: QualityGate, chests: list[NDArray[np.float32]]) -> dict[RefusalCode, float]:
    """The limits at which each fault refuses COST_PER_FAULT of good chests, within sensible bounds."""
    found = [gate.assess(chest) for chest in chests]
    faults = {
        RefusalCode.NOT_FRONTAL_CHEST: [1 - quality.chest for quality in found],
        RefusalCode.INVERTED: [quality.inverted for quality in found],
        RefusalCode.ROTATED: [quality.rotated for quality in found],
        RefusalCode.CROPPED: [quality.cropped for quality in found],
    }
    limits = {code: float(np.quantile(values, 1 - COST_PER_FAULT)) for code, values in faults.items()}
    return {code: round(min(max(limit, LOWEST_LIMIT), HIGHEST_LIMIT), 4) for code, limit in limits.items()}


def main(
    data: Annotated[Path, typer.Option(help="Folder with nih/, lung_heart_masks/, hannover/ and paediatric/.")],
    out: Annotated[Path, typer.Option(help="Folder for quality_gate.onnx and quality_gate.json.")],
    epochs: Annotated[int, typer.Option(help="Passes over the chests.")] = 30,
    seed: Annotated[int, typer.Option(help="Of initial weights and random views.")] = 0,
) -> None:
    """Train, set the thresholds, and write model and card."""
    path = out / "quality_gate.onnx"
    write_auxiliary_onnx(train_gate(training_chests(data), epochs, seed), GATE_SIZE, path)
    limits = fit_thresholds(QualityGate(path.read_bytes(), {}), calibration_chests(data))
    write_card(
        path,
        thresholds=limits,
        outputs=GATE_OUTPUTS,
        training_data="NIH ChestX-ray14 subset (Wang 2017), JSRT (Shiraishi 2000), Wingspan (Dong 2018), Hannover "
        "(Winther 2020), Kermany 2018, phantoms, photographs from scikit-image and scikit-learn, drawings",
    )


if __name__ == "__main__":
    typer.run(main)
