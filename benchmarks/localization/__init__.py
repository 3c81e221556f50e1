"""What each published method adds, on phantoms whose lesions' places are known: three seeds each, paired intervals.

Trains the classifier's recipes on a cohort of its own, from labels mined from its reports; runs resume in
runs/ablation/HASH of the code that makes them. Each method is cut into boxes by the thresholds that suit it best on the
validation patients.
"""

from benchmarks.localization.cohort import AblationCohort
from benchmarks.localization.curriculum import severity_rows, step_rows
from benchmarks.localization.methods import AGAINST, METHODS, SEEDS, train_method
from benchmarks.localization.scoring import Scored, score
from benchmarks.localization.tables import gain_rows, method_rows
from benchmarks.localization.words import word_rows
from benchmarks.record import Row

__all__ = ["run"]


def run() -> list[Row]:
    """Train every method with every seed, score them all, and compare each with the model without it."""
    cohort = AblationCohort.open()
    scored: dict[str, list[Scored]] = {name: [] for name in METHODS}
    for seed in SEEDS:
        for name in METHODS:
            scored[name].append(score(train_method(name, seed, cohort), cohort))
    test = cohort.dataset.subset("test").records
    rows = [row for name in METHODS for row in method_rows(name, scored[name], test)]
    rows += [row for name, other in AGAINST.items() for row in gain_rows(name, other, scored, test)]
    return rows + word_rows(cohort) + step_rows(cohort) + severity_rows(cohort)
