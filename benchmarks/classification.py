"""NIH ChestX-ray images: the plain recipe and the shipped one, trained on train_val, scored on test_dev.

Both see the same images for the same number of steps, from the same initial weights. Training resumes in
runs/nih-RECIPE; delete that folder to train anew.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import ROOT, Row, shared_data
from cxr.benchmark.predictions import join
from cxr.datasets.dataset import open_dataset
from cxr.evaluation.bootstrap import Estimate, bootstrap, estimates
from cxr.evaluation.classification import evaluate_classification
from cxr.evaluation.ranking import RankedScores
from cxr.training.held_out import HeldOutReport, evaluate_run
from cxr.training.predict import read_predictions
from cxr.training.recipe import load_recipe
from cxr.training.train import default_workers, train
from nlp_labeler.findings import CHESTXRAY8

RESAMPLES = 1000
RECIPES = ("baseline", "screening")
"""The plain recipe, and the one whose weights ship."""
DATA = "NIH subset, trained on train_val, scored on test_dev"


def _row(table: str, row: str, metric: str, estimate: Estimate, n: int, unit: str) -> Row:
    return Row(
        table=table,
        row=row,
        metric=metric,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=n,
        unit_of_n=unit,
        data=DATA,
    )


def rows_of(name: str, report: HeldOutReport) -> list[Row]:
    """AUC per finding of the eight and mean; hit rates and false boxes over the true boxes."""
    figures = report.classification
    rows = [_row("nih-auc", name, "mean of 8", figures.mean_auc, figures.n_images, "images")]
    rows += [
        _row("nih-auc", name, label, figures.per_label[label].auc, figures.n_images, "images") for label in CHESTXRAY8
    ]
    boxes = report.localization
    if boxes is not None:
        n = sum(boxes.n_boxes.values())
        for threshold in (0.1, 0.3, 0.5):
            rows.append(_row("nih-boxes", name, f"IoU > {threshold}", boxes.iou[threshold]["mean"], n, "boxes"))
        for threshold in (0.1, 0.25, 0.5):
            rows.append(_row("nih-boxes", name, f"IoBB > {threshold}", boxes.iobb[threshold]["mean"], n, "boxes"))
        rows.append(_row("nih-boxes", name, "false boxes per image", boxes.afp[0.1]["mean"], n, "boxes"))
    return rows


PUBLISHED = {
    "IoU > 0.1": 0.568,
    "IoU > 0.3": 0.221,
    "IoU > 0.5": 0.062,
    "IoBB > 0.1": 0.629,
    "IoBB > 0.25": 0.486,
    "IoBB > 0.5": 0.330,
}
"""Mean over the eight of Wang 2017, table 3."""


def published_rows() -> list[Row]:
    """The published network beside ours: it saw thirty times more images, and was scored on all public boxes."""
    return [
        Row(
            table="nih-boxes",
            row="ChestX-ray8, as published",
            metric=metric,
            value=value,
            n=984,
            unit_of_n="boxes",
            data="all public boxes (Wang 2017)",
        )
        for metric, value in PUBLISHED.items()
    ]


def gain_row(name: str, against: str) -> Row:
    """Mean AUC of one recipe less that of another on the same images, with its patient-bootstrap interval."""
    one, other = (read_predictions(_folder(recipe) / "test_dev" / "predictions.csv") for recipe in (name, against))
    ranked = [
        [RankedScores(p.labels[:, p.label_space.index(c)], p.logits[:, p.label_space.index(c)]) for c in CHESTXRAY8]
        for p in (one, other)
    ]

    def difference(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        first, second = (np.mean([r.metrics(weights, 0.0).auc for r in model], axis=0) for model in ranked)
        return (first - second)[:, None]

    gain = estimates(bootstrap(difference, one.patients, RESAMPLES))[0]
    return _row("nih-gain", f"{name} - {against}", "mean AUC of 8", gain, len(one.images), "images")


def chexnet_rows(data: Path) -> list[Row]:
    """A public CheXNet and the shipped recipe on the test_dev images that both have seen nothing of."""
    ours = read_predictions(_folder(RECIPES[-1]) / "test_dev" / "predictions.csv")
    theirs = join(data / "chexnet_predictions" / "predictions.csv.gz", data / "nih" / "Data_Entry_2017_v2020.csv.gz")
    places = {image: row for row, image in enumerate(theirs.images)}
    rows = [row for row, image in enumerate(ours.images) if image in places]
    columns = [ours.label_space.index(c) for c in CHESTXRAY8]
    labels = ours.labels[rows][:, columns]
    their_rows = [places[ours.images[row]] for row in rows]
    their_columns = [theirs.label_names.index(c) for c in CHESTXRAY8]
    scores: dict[str, NDArray[np.floating]] = {
        f"{RECIPES[-1]}, 2,163 training images": ours.logits[rows][:, columns],
        "CheXNet reproduction, about 78,000": theirs.probabilities[their_rows][:, their_columns],
    }
    found = []
    for name, values in scores.items():
        patients = [ours.patients[row] for row in rows]
        figures = evaluate_classification(labels, values, patients, CHESTXRAY8, RESAMPLES)
        found.append(_row("nih-distance", name, "mean AUC of 8", figures.mean_auc, len(rows), "images"))
    return found


def _folder(recipe: str) -> Path:
    return ROOT / "runs" / f"nih-{recipe}"


def run() -> list[Row]:
    """Train each recipe if its run is not there yet, and score it."""
    data = shared_data()
    dataset = open_dataset(data / "nih")
    weights = data / "weights" / "mobilenetv2_100_imagenet.safetensors"
    rows = published_rows()
    for name in RECIPES:
        folder = _folder(name)
        train(load_recipe(name), dataset, folder, init_weights=weights, workers=default_workers())
        report = evaluate_run(
            folder, dataset, folder / "test_dev", split="test", resamples=RESAMPLES, workers=default_workers()
        )
        rows += rows_of(name, report)
    return [*rows, gain_row(RECIPES[-1], RECIPES[0]), *chexnet_rows(data)]
