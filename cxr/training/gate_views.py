"""Random faults put on good chests, so that the gate learns what each of them looks like."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cxr.imaging.quality import gate_input
from cxr.training.random_views import random_exposure, random_geometry

__all__ = ["UNKNOWN", "GateBatch", "chest_batch", "other_batch"]

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
