"""NIH ChestX-ray images: the plain recipe and the shipped one, trained on train_val, scored on test_dev.

Both see the same images for the same number of steps, from the same initial weights, with several seeds. Training
resumes in runs/nih-RECIPE-SEED and runs/nih-curve; delete a folder to train anew.
"""

from benchmarks.classification.auc import auc_rows, gain_row
from benchmarks.classification.boxes import box_rows
from benchmarks.classification.distance import distance_rows
from benchmarks.classification.learning_curve import curve_rows
from benchmarks.classification.speed import speed_rows
from benchmarks.classification.trained import PLAIN, SHIPPED, train_seeds
from benchmarks.record import Row, shared_data
from cxr.datasets.dataset import open_dataset

__all__ = ["run"]


def run() -> list[Row]:
    """Train each recipe with each seed if its run is not there yet, and score it."""
    data = shared_data()
    dataset = open_dataset(data / "nih")
    weights = data / "weights" / "mobilenetv2_100_imagenet.safetensors"
    trained = {name: train_seeds(name, dataset, weights) for name in (PLAIN, SHIPPED)}
    return [
        *auc_rows(trained),
        gain_row(trained[SHIPPED], trained[PLAIN], f"{SHIPPED} - {PLAIN}"),
        *distance_rows(trained[SHIPPED][0].predictions, data),
        *box_rows(trained),
        *curve_rows(dataset, weights, trained[SHIPPED][0]),
        *speed_rows(dataset, weights),
    ]
