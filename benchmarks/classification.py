"""NIH ChestX-ray images: the plain recipe trained on train_val, its figures on test_dev.

Training resumes in runs/nih-baseline; delete that folder to train anew.
"""

from benchmarks.record import ROOT, Row, shared_data
from cxr.datasets.dataset import open_dataset
from cxr.evaluation.bootstrap import Estimate
from cxr.training.held_out import HeldOutReport, evaluate_run
from cxr.training.recipe import load_recipe
from cxr.training.train import default_workers, train
from nlp_labeler.findings import CHESTXRAY8

RESAMPLES = 1000
RECIPES = ("baseline",)
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


def run() -> list[Row]:
    """Train each recipe if its run is not there yet, and score it."""
    data = shared_data()
    dataset = open_dataset(data / "nih")
    weights = data / "weights" / "mobilenetv2_100_imagenet.safetensors"
    rows: list[Row] = []
    for name in RECIPES:
        folder = ROOT / "runs" / f"nih-{name}"
        train(load_recipe(name), dataset, folder, init_weights=weights, workers=default_workers())
        report = evaluate_run(
            folder, dataset, folder / "test_dev", split="test", resamples=RESAMPLES, workers=default_workers()
        )
        rows += rows_of(name, report)
    return rows
