"""TieNet on phantoms: four modes, generated reports beside three baselines, and what the regulariser does.

The modes are compared in the laboratory, over a backbone that has never seen a phantom: there a classifier without text
leaves something to be learned. The reports are those of the demo's classifier. Stages resume in runs/demo,
runs/laboratory and runs/tienet-*; delete them to start anew.
"""

from benchmarks import demo
from benchmarks.localization.cohort import Laboratory
from benchmarks.localization.methods import train_method
from benchmarks.record import ROOT, Row
from benchmarks.tienet.cohort import Cohort
from benchmarks.tienet.context import context_rows
from benchmarks.tienet.modes import mode_rows
from benchmarks.tienet.pointing import pointing_rows
from benchmarks.tienet.regulariser import regulariser_rows
from benchmarks.tienet.runtime import runtime_rows
from benchmarks.tienet.screened import screen_cohort
from benchmarks.tienet.text import text_rows
from benchmarks.tienet.trained import trained_generators, without_words
from cxr.demo.path import run_demo
from cxr.training.report_recipe import load_report_recipe

__all__ = ["run"]

SEEDS = (0, 1, 2)
EPOCHS = 20


def run() -> list[Row]:
    """Train a generator per seed and cohort, score the modes, the texts, the attention and the regulariser."""
    return [*_modes(), *_reports()]


def _modes() -> list[Row]:
    laboratory = Laboratory.open()
    cohort = Cohort.open(laboratory.folder, "phantoms of the laboratory, held-out patients")
    # TieNet takes the pooled class maps for what the trunk says: of these recipes map_pooling does so too.
    trunks = {seed: train_method("map_pooling", seed, laboratory) for seed in SEEDS}
    recipe = load_report_recipe("tienet")
    # The laboratory has two fifths of the demo's reports: with as many epochs it would have two fifths of the steps.
    optimization = recipe.optimization.model_copy(update={"epochs": EPOCHS})
    recipe = recipe.model_copy(update={"optimization": optimization})
    taught = trained_generators(cohort, trunks, "tienet-laboratory", recipe)
    wordless = trained_generators(cohort, trunks, "tienet-wordless", without_words(recipe))
    return mode_rows(cohort, taught, wordless)


def _reports() -> list[Row]:
    folder = ROOT / "runs" / "demo"
    if not (folder / "clinic" / "worklist.html").is_file():
        run_demo(folder, patients=demo.PATIENTS, size=demo.SIZE, seed=demo.SEED, workers=1, say=print)
    cohort = Cohort.open(folder, "phantom cohort of the demo, held-out fifth of its patients")
    generators = trained_generators(
        cohort, dict.fromkeys(SEEDS, folder / "run"), "tienet", load_report_recipe("tienet")
    )
    said = [generator.speak() for generator in generators]
    screened = screen_cohort(cohort, generators[0])
    patients = list(cohort.test.records["patient"])
    return [
        *text_rows(cohort, generators[0], said, [one.template for one in screened]),
        *context_rows(cohort, generators[0]),
        *pointing_rows(cohort, generators, said),
        *regulariser_rows("tienet-regulariser", cohort.data, screened, cohort.truth, patients, {}),
        *runtime_rows(cohort, generators[0]),
    ]
