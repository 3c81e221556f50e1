"""Lungs, heart and cardiothoracic ratio on masked radiographs that the shipped network was not trained on."""

import numpy as np
from numpy.typing import NDArray

from benchmarks.provenance import shared_data
from benchmarks.record import Row, line
from cxr.evaluation import Estimate
from cxr.imaging.segmentation import Segmenter, cardiothoracic_ratio
from cxr.training.segmentation import MaskedChest, read_masked_chests

METRICS = ("lung Dice", "heart Dice", "ratio, mean absolute error", "ratio, mean error")


def run() -> list[Row]:
    """Mean Dice and cardiothoracic error, of both sources together and apart."""
    held_out = [chest for chest in read_masked_chests(shared_data("lung_heart_masks")) if chest.held_out]
    measured = [(chest.source, *measure(chest)) for chest in held_out]
    rows: list[Row] = []
    for name, sources in (("both sources", ("jsrt", "wingspan")), ("JSRT", ("jsrt",)), ("Wingspan", ("wingspan",))):
        values = np.array([figures for source, *figures in measured if source in sources])
        figures = {metric: mean(values[:, column]) for column, metric in enumerate(METRICS)}
        data = "held-out fifth of the lung and heart masks"
        rows += line("segmentation", name, figures, n=len(values), unit_of_n="radiographs", data=data)
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


def mean(values: NDArray[np.float64]) -> Estimate:
    """Mean with its bootstrap interval; every radiograph is another patient's."""
    rng = np.random.default_rng(0)
    means = rng.choice(values, (2000, len(values))).mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Estimate(float(values.mean()), float(low), float(high))
