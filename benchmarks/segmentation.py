"""Lungs, heart and cardiothoracic ratio on masked radiographs that the shipped network was not trained on."""

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import Row, shared_data
from cxr.imaging.segmentation import Segmenter, cardiothoracic_ratio
from cxr.training.segmentation.masked_chests import MaskedChest, read_masked_chests


def run() -> list[Row]:
    """Mean Dice and cardiothoracic error, of both sources together and apart."""
    held_out = [chest for chest in read_masked_chests(shared_data() / "lung_heart_masks") if chest.held_out]
    measured = [(chest.source, *measure(chest)) for chest in held_out]
    rows = []
    for name, sources in (("both sources", ("jsrt", "wingspan")), ("JSRT", ("jsrt",)), ("Wingspan", ("wingspan",))):
        values = np.array([figures for source, *figures in measured if source in sources])
        for column, metric in enumerate(("lung Dice", "heart Dice", "ratio, mean absolute error", "ratio, mean error")):
            low, high = interval(values[:, column])
            rows.append(
                Row(
                    table="segmentation",
                    row=name,
                    metric=metric,
                    value=float(values[:, column].mean()),
                    low=low,
                    high=high,
                    n=len(values),
                    unit_of_n="radiographs",
                    data="held-out fifth of the lung and heart masks",
                )
            )
    return rows


def measure(chest: MaskedChest) -> tuple[float, float, float, float]:
    """Lung Dice, heart Dice, absolute and signed error of the cardiothoracic ratio of one radiograph."""
    found = Segmenter.shipped().segment(chest.image.astype(np.float32) / np.float32(255))
    lungs, heart = chest.masks[0] | chest.masks[1], chest.masks[2]
    truth, ours = cardiothoracic_ratio(lungs, heart), found.cardiothoracic_ratio
    error = float("nan") if truth is None or ours is None else ours - truth
    return dice(found.lungs, lungs), dice(found.heart, heart), abs(error), error


def dice(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Twice the common area over the sum of areas."""
    return 2 * float((found & truth).sum()) / max(1, int(found.sum() + truth.sum()))


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """95 % bootstrap interval of the mean; every radiograph is another patient's."""
    rng = np.random.default_rng(0)
    means = rng.choice(values, (2000, len(values))).mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)
