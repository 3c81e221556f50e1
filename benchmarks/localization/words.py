"""What the places that reports name add to the labels mined from them, as training patients get fewer."""

from benchmarks.classification.learning_curve import thinned
from benchmarks.localization.cohort import Laboratory
from benchmarks.localization.methods import SEEDS, train_longer
from benchmarks.localization.scoring import score
from benchmarks.localization.statistics import gain, statistic
from benchmarks.localization.table import RESAMPLES
from benchmarks.record import Row
from cxr.evaluation.bootstrap import bootstrap, estimates

__all__ = ["SILENT", "TOLD", "word_rows"]

SILENT, TOLD = "map_pooling", "report_places"
"""The same recipe without and with the places."""

SHARES = (0.25, 0.5, 1.0)
SHOWN = {"mean AUC": 0, "IoU > 0.3": 3}


def word_rows(laboratory: Laboratory) -> list[Row]:
    """AUC and boxes hit with labels alone, with places too, and the difference, per number of training patients."""
    test = laboratory.dataset.subset("test").records
    images, patients = tuple(test["image"]), list(test["patient"])
    rows = []
    for share in SHARES:
        number = thinned(laboratory.dataset, share).subset("train").records["patient"].nunique()
        silent, told = (
            statistic([score(train_longer(name, seed, laboratory, share), laboratory) for seed in SEEDS], images)
            for name in (SILENT, TOLD)
        )
        compared = {"labels": silent, "labels and places": told, "difference": gain(told, silent)}
        for name, measured in compared.items():
            found = estimates(bootstrap(measured, patients, RESAMPLES))
            rows += [
                Row(
                    table="phantom-words",
                    row=f"{number} patients, {name}",
                    metric=metric,
                    value=found[place].value,
                    low=found[place].low,
                    high=found[place].high,
                    n=len(test),
                    unit_of_n="images",
                    data=f"phantom test patients, mean of {len(SEEDS)} seeds",
                    note="the same training images, the same number of steps",
                )
                for metric, place in SHOWN.items()
            ]
    return rows
