"""A public CheXNet reproduction's predictions on NIH ChestX-ray14: AUC by finding, and what the intervals cost."""

import time

from benchmarks.record import Row, shared_data
from cxr.benchmark.predictions import join
from cxr.evaluation import Estimate, evaluate_classification

DATA = "CheXNet reproduction on its own test patients of ChestX-ray14"
RESAMPLES = 1000


def run() -> list[Row]:
    """AUC, average precision and sensitivity at FPR 1 %, with patient-cluster intervals, and the time they take."""
    folder = shared_data()
    data = join(folder / "chexnet_predictions" / "predictions.csv.gz", folder / "nih" / "Data_Entry_2017_v2020.csv.gz")
    started = time.process_time()
    report = evaluate_classification(data.labels, data.probabilities, data.patients, data.label_names, RESAMPLES)
    seconds = time.process_time() - started

    def row(name: str, metric: str, figure: Estimate) -> Row:
        return Row(
            table="chexnet",
            row=name,
            metric=metric,
            value=figure.value,
            low=figure.low,
            high=figure.high,
            n=report.n_images,
            unit_of_n="images",
            data=DATA,
        )

    rows = []
    for name, label in report.per_label.items():
        rows += [
            row(name, "AUC", label.auc),
            row(name, "average precision", label.average_precision),
            row(name, "sensitivity at FPR 1 %", label.sensitivity),
        ]
    mean = f"mean of {len(report.mean_over)}"
    rows += [
        row(mean, "AUC", report.mean_auc),
        row(mean, "sensitivity at FPR 1 %", report.mean_sensitivity),
        Row(
            table="chexnet cost",
            row=f"{RESAMPLES:,} resamples, {len(data.label_names)} labels",
            metric="CPU seconds",
            value=seconds,
            n=report.n_images,
            unit_of_n="images",
            data=DATA,
        ),
    ]
    return rows
