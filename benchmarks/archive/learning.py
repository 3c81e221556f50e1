"""What a mangled export costs the model: learned from it and from the tidy one, scored on the same other phantoms."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.record import Row, line
from cxr.datasets.builder import build_dataset
from cxr.datasets.cache import ImageCache
from cxr.datasets.dataset import Dataset, open_dataset
from cxr.evaluation.bootstrap import bootstrap, estimates
from cxr.evaluation.ranking import RankedScores
from cxr.models.checkpoint import load_checkpoint
from cxr.phantom.cohort import generate_cohort
from cxr.training.classifier.predictions import split_predictions
from cxr.training.classifier.recipe import load_recipe
from cxr.training.classifier.train import train
from nlp_labeler.findings import CHESTXRAY8

__all__ = ["HELD_OUT", "learn", "learning_rows"]

HELD_OUT = 400
RECIPE = "demo"
RESAMPLES = 1000
EXPORTS = ("mangled", "tidy")


def learning_rows(folder: Path, *, held_out: int, size: int, seed: int, workers: int) -> list[Row]:
    """Mean AUC of the eight after learning from either export, and the difference, on other phantoms.

    Args:
        folder: holds the datasets ``mangled`` and ``tidy``; the models resume in it.
        held_out: phantom patients that neither has seen.
        size: of their films, in pixels.
        seed: of theirs, another than that of the exports.
        workers: processes.
    """
    cohort = generate_cohort(held_out, size, seed, folder / "held_out", workers=workers)
    build_dataset(cohort / "images", cohort / "reports.csv", folder / "test", fractions={"test": 1.0}, workers=workers)
    test = open_dataset(folder / "test")
    truth = pd.read_csv(cohort / "truth" / "labels.csv", dtype={"image": str}).set_index("image")
    labels = truth.loc[list(test.records["image"]), list(CHESTXRAY8)].to_numpy(np.float64)
    scores = {name: learn(folder, name, test, workers=workers) for name in EXPORTS}
    ranked = {
        name: [RankedScores(labels[:, c], found[:, c]) for c in range(len(CHESTXRAY8))]
        for name, found in scores.items()
    }

    def statistic(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        means = [np.mean([label.metrics(weights, 0.0).auc for label in ranked[name]], axis=0) for name in EXPORTS]
        return np.column_stack([*means, means[0] - means[1]])

    found = estimates(bootstrap(statistic, list(test.records["patient"]), RESAMPLES))
    rows: list[Row] = []
    for name, estimate in zip((*EXPORTS, "mangled - tidy"), found, strict=True):
        rows += line(
            "archive learning",
            name,
            {"mean AUC of the eight": estimate},
            n=len(test),
            unit_of_n="images",
            data="phantoms of another cohort",
            seeds=(0,),
        )
    return rows


def learn(folder: Path, name: str, test: Dataset, *, workers: int) -> NDArray[np.float32]:
    """Train on one export, or take up its finished run, and score the test images: logits (N, 8)."""
    run = folder / f"run_{name}"
    train(load_recipe(RECIPE), open_dataset(folder / name), run, init_weights=None, workers=1)
    model, card = load_checkpoint(run)
    cache = ImageCache.build(test, card.image_size, folder / "cache_test", workers=workers)
    logits = split_predictions(model, test, cache, card.label_space).logits
    return logits[:, [card.label_space.index(label) for label in CHESTXRAY8]]
