"""What each published method adds, on phantoms whose lesions' places are known: three seeds each, paired intervals.

Trains cxr/training/classifier/recipes/*.toml on a cohort of its own, from labels mined from its reports; runs resume in
runs/laboratory. Each method is cut into boxes by the thresholds that suit it best on the validation patients.
"""

from benchmarks.localization.cohort import Laboratory
from benchmarks.localization.methods import AGAINST, METHODS, SEEDS, train_method
from benchmarks.localization.scoring import Scored, score
from benchmarks.localization.severity import severity_rows
from benchmarks.localization.steps import step_rows
from benchmarks.localization.table import gain_rows, method_rows
from benchmarks.localization.words import word_rows
from benchmarks.record import Row

__all__ = ["run"]


def run() -> list[Row]:
    """Train every method with every seed, score them all, and compare each with the model without it."""
    laboratory = Laboratory.open()
    scored: dict[str, list[Scored]] = {name: [] for name in METHODS}
    for seed in SEEDS:
        for name in METHODS:
            scored[name].append(score(train_method(name, seed, laboratory), laboratory))
    test = laboratory.dataset.subset("test").records
    rows = [row for name in METHODS for row in method_rows(name, scored[name], test)]
    rows += [row for name, other in AGAINST.items() for row in gain_rows(name, other, scored, test)]
    return rows + word_rows(laboratory) + step_rows(laboratory) + severity_rows(laboratory)
