"""What the places that reports name add to the labels mined from them, as training patients get fewer."""

from benchmarks.classification.learning_curve import thinned
from benchmarks.localization.cohort import AblationCohort
from benchmarks.localization.methods import SEEDS, train_longer
from benchmarks.localization.scoring import score
from benchmarks.localization.tables import SHOWN, gain, statistic, statistic_rows
from benchmarks.record import Row

__all__ = ["SILENT", "TOLD", "word_rows"]

SILENT, TOLD = "map_pooling", "report_localization"
"""The same recipe without and with the places."""

SHARES = (0.25, 0.5, 1.0)
SHOWN_HERE = {column: SHOWN[column] for column in ("mean AUC", "IoU > 0.3")}
NOTE = "the same training images, the same number of steps"


def word_rows(cohort: AblationCohort) -> list[Row]:
    """AUC and boxes hit with labels alone, with places too, and the difference, per number of training patients."""
    test = cohort.dataset.subset("test").records
    images = tuple(test["image"])
    rows: list[Row] = []
    for share in SHARES:
        number = thinned(cohort.dataset, share).subset("train").records["patient"].nunique()
        silent, told = (
            statistic([score(train_longer(name, seed, cohort, share), cohort) for seed in SEEDS], images)
            for name in (SILENT, TOLD)
        )
        compared = {"labels": silent, "labels and places": told, "difference": gain(told, silent)}
        for name, measured in compared.items():
            rows += statistic_rows("phantom-words", f"{number} patients, {name}", measured, test, NOTE, SHOWN_HERE)
    return rows
