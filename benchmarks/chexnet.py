"""A public CheXNet reproduction's predictions on NIH ChestX-ray14: AUC by finding, and what the intervals cost."""

import time
from functools import partial

from benchmarks.provenance import shared_data
from benchmarks.record import Row, line
from cxr.benchmark.tables import LabeledPredictions, join
from cxr.evaluation import evaluate_classification

DATA = "CheXNet reproduction on its own test patients of ChestX-ray14"
RESAMPLES = 1000
SENSITIVITY = "sensitivity at FPR 1 %"


def run() -> list[Row]:
    """AUC, average precision and sensitivity at FPR 1 %, with patient-cluster intervals, and the time they take."""
    data = chexnet_predictions()
    started = time.process_time()
    report = evaluate_classification(data.labels, data.probabilities, data.patients, data.label_names, RESAMPLES)
    seconds = time.process_time() - started

    table = partial(line, n=report.n_images, unit_of_n="images", data=DATA)
    rows = []
    for name, label in report.per_label.items():
        figures = {"AUC": label.auc, "average precision": label.average_precision, SENSITIVITY: label.sensitivity}
        rows += table("chexnet", name, figures)
    means = {"AUC": report.mean_auc, SENSITIVITY: report.mean_sensitivity}
    rows += table("chexnet", f"mean of {len(report.mean_over)}", means)
    name = f"{RESAMPLES:,} resamples, {len(data.label_names)} labels"
    return rows + table("chexnet cost", name, {"CPU seconds": seconds})


def chexnet_predictions() -> LabeledPredictions:
    """The public predictions, with the official labels."""
    labels = shared_data("nih") / "Data_Entry_2017_v2020.csv.gz"
    return join(shared_data("chexnet_predictions") / "predictions.csv.gz", labels)
