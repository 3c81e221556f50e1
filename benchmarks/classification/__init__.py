"""NIH ChestX-ray images: the plain recipe and the shipped one, trained on train_val, scored on test_dev.

Both see the same images for the same number of steps, from the same initial weights, with the same seeds. Training
resumes in runs/nih-RECIPE-SEED/HASH of the code and data that make it.
"""

from benchmarks.classification.auc import auc_rows, distance_rows, gain_rows
from benchmarks.classification.boxes import box_rows
from benchmarks.classification.floors import floor_rows
from benchmarks.classification.learning_curve import curve_rows
from benchmarks.classification.speed import speed_rows
from benchmarks.classification.trained import DATA, PLAIN, SEEDS, SHIPPED, train_seeds
from benchmarks.provenance import shared_data
from benchmarks.record import Row
from cxr.benchmark.from_bundle import screen_split
from cxr.datasets.dataset import open_dataset
from cxr.export.bundle import export_bundle
from cxr.screening import Screener

__all__ = ["run"]

ALPHA, DELTA = 0.05, 0.05


def run() -> list[Row]:
    """Train each recipe with each seed if its run is not there yet, and score it."""
    dataset = open_dataset(shared_data("nih"))
    trained = {name: train_seeds(name) for name in (PLAIN, SHIPPED)}
    folder = trained[SHIPPED][0].folder
    export_bundle(folder, folder / "bundle", name=SHIPPED, version="1.0.0", alpha=ALPHA, delta=DELTA)
    screened = screen_split(Screener(folder / "bundle", threads=1), dataset.subset("test"))
    return [
        *auc_rows(trained),
        *gain_rows(trained[SHIPPED], trained[PLAIN], f"{SHIPPED} - {PLAIN}"),
        *distance_rows(trained[SHIPPED][0].predictions),
        *box_rows(trained),
        *floor_rows(screened, shared_data("nih"), f"{DATA}, recipe {SHIPPED}", SEEDS[:1]),
        *curve_rows(dataset, trained[SHIPPED][0]),
        *speed_rows(dataset, shared_data("weights") / "mobilenetv2_100_imagenet.safetensors"),
    ]
