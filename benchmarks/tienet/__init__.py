"""TieNet on the demo's phantoms: four modes, generated reports beside three baselines, and what the regulariser does.

Stages resume in runs/demo (the classifier whose features are read) and runs/tienet-SEED; delete them to start anew.
"""

from benchmarks import demo
from benchmarks.record import ROOT, Row
from benchmarks.tienet.cohort import DATA, Cohort
from benchmarks.tienet.context import context_rows
from benchmarks.tienet.modes import mode_rows
from benchmarks.tienet.pointing import pointing_rows
from benchmarks.tienet.regulariser import regulariser_rows
from benchmarks.tienet.runtime import runtime_rows
from benchmarks.tienet.screened import screen_cohort
from benchmarks.tienet.text import text_rows
from benchmarks.tienet.trained import SEEDS, trained_generators
from cxr.demo.path import run_demo

__all__ = ["run"]


def run() -> list[Row]:
    """Train a generator per seed, score the modes, the texts, the attention and the regulariser."""
    folder = ROOT / "runs" / "demo"
    if not (folder / "clinic" / "worklist.html").is_file():
        run_demo(folder, patients=demo.PATIENTS, size=demo.SIZE, seed=demo.SEED, workers=1, say=print)
    cohort = Cohort.open(folder)
    generators = trained_generators(cohort, SEEDS)
    said = [generator.speak() for generator in generators]
    screened = screen_cohort(cohort, generators[0])
    return [
        *mode_rows(cohort, generators),
        *text_rows(cohort, generators, said, [one.template for one in screened]),
        *context_rows(cohort, generators[0]),
        *pointing_rows(cohort, generators[0], said[0]),
        *regulariser_rows("tienet-regulariser", DATA, screened, cohort.truth, {}),
        *runtime_rows(cohort, generators[0]),
    ]
