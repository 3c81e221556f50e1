"""The runs that are compared: one per recipe and seed, with what each says of the held-out images."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.provenance import run_folder, shared_data
from cxr.datasets.dataset import Dataset, open_dataset
from cxr.training.classifier.evaluate import HeldOutReport, evaluate_run
from cxr.training.classifier.predictions import Predictions, read_predictions
from cxr.training.classifier.recipe import Recipe, load_recipe
from cxr.training.classifier.train import default_workers, train

__all__ = ["DATA", "PLAIN", "RESAMPLES", "SEEDS", "SHIPPED", "TrainedRun", "train_nih", "train_seeds"]

PLAIN, SHIPPED = "baseline", "screening"
"""The plain recipe, which trains every layer and takes twice as long, and the one that ships, by its first seed."""
SEEDS = (0, 1, 2)
RESAMPLES = 1000
DATA = "NIH subset, trained on train_val, scored on test_dev"


@dataclass(frozen=True)
class TrainedRun:
    """One run on test_dev.

    Attributes:
        folder: of the run.
        predictions: logits and labels per image.
        report: figures with intervals, boxes among them.
    """

    folder: Path
    predictions: Predictions
    report: HeldOutReport


def train_nih(name: str, seed: int, part: str = "", select: Callable[[Dataset], Dataset] | None = None) -> TrainedRun:
    """Train a recipe on the NIH images, or take the finished run up, and score it on the test patients.

    Args:
        name: of the recipe.
        seed: of the training.
        part: name of the part of the training patients that is used; all of them without it.
        select: leaves that part in the dataset.
    """
    recipe: Recipe = load_recipe(name).model_copy(update={"seed": seed})
    dataset = open_dataset(shared_data("nih"))
    dataset = dataset if select is None else select(dataset)
    folder = run_folder(f"nih-{name}-{seed}{part and f'-{part}'}", ("nih", "weights"), train, variant=part)
    weights = shared_data("weights") / "mobilenetv2_100_imagenet.safetensors"
    train(recipe, dataset, folder, init_weights=weights, workers=default_workers())
    out = folder / "test_dev"
    report = evaluate_run(folder, dataset, out, split="test", resamples=RESAMPLES, workers=default_workers())
    return TrainedRun(folder, read_predictions(out / "predictions.csv"), report)


def train_seeds(name: str) -> list[TrainedRun]:
    """A run per seed of the named recipe."""
    return [train_nih(name, seed) for seed in SEEDS]
