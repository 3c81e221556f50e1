"""The runs that are compared: one per recipe and seed, with what each says of the held-out images."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.record import ROOT
from cxr.datasets.dataset import Dataset
from cxr.training.classifier.evaluate import HeldOutReport, evaluate_run
from cxr.training.classifier.predictions import Predictions, read_predictions
from cxr.training.classifier.recipe import Recipe, load_recipe
from cxr.training.classifier.train import default_workers, train

__all__ = ["DATA", "PLAIN", "RESAMPLES", "SEEDS", "SHIPPED", "TrainedRun", "train_and_score", "train_seeds"]

PLAIN, SHIPPED = "baseline", "screening"
"""The plain recipe, and the one whose weights ship (those of the first seed)."""
SEEDS = {PLAIN: (0, 1), SHIPPED: (0, 1, 2)}
"""The plain recipe trains every layer and takes twice as long."""
RESAMPLES = 1000
DATA = "NIH subset, trained on train_val, scored on test_dev"


@dataclass(frozen=True)
class TrainedRun:
    """One run on test_dev.

    Attributes:
        predictions: logits and labels per image.
        report: figures with intervals, boxes among them.
    """

    predictions: Predictions
    report: HeldOutReport


def train_and_score(recipe: Recipe, dataset: Dataset, folder: Path, weights: Path) -> TrainedRun:
    """Train by a recipe, or take the finished run up, and score it on the test patients."""
    train(recipe, dataset, folder, init_weights=weights, workers=default_workers())
    out = folder / "test_dev"
    report = evaluate_run(folder, dataset, out, split="test", resamples=RESAMPLES, workers=default_workers())
    return TrainedRun(read_predictions(out / "predictions.csv"), report)


def train_seeds(name: str, dataset: Dataset, weights: Path) -> list[TrainedRun]:
    """A run per seed of the named recipe."""
    recipe = load_recipe(name)
    return [
        train_and_score(
            recipe.model_copy(update={"seed": seed}), dataset, ROOT / "runs" / f"nih-{name}-{seed}", weights
        )
        for seed in SEEDS[name]
    ]
