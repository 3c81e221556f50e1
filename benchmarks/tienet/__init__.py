"""TieNet on phantoms: four modes, generated reports beside three baselines, and what the regulariser does.

The modes are compared on the ablation's phantoms, over a backbone that has never seen a phantom: there a classifier
without text leaves something to be learned. TieNet's classifier has learned from labels and from where the reports put
findings, the classifier that it is compared with from the labels alone; both from the same images, in as many steps.
The reports are those of the demo's classifier. Stages resume in runs/demo, runs/ablation and runs/tienet-*, each in a
folder that bears the hash of the code that makes it.
"""

from pathlib import Path

from benchmarks import demo
from benchmarks.localization.cohort import AblationCohort
from benchmarks.localization.methods import LONG, SEEDS, train_longer
from benchmarks.localization.words import SILENT, TOLD
from benchmarks.provenance import run_folder
from benchmarks.record import Row
from benchmarks.tienet.cohort import Cohort
from benchmarks.tienet.modes import mode_rows
from benchmarks.tienet.pointing import pointing_rows
from benchmarks.tienet.regulariser import regulariser_rows
from benchmarks.tienet.runtime import runtime_rows
from benchmarks.tienet.screened import screen_cohort
from benchmarks.tienet.texts import text_rows
from benchmarks.tienet.trained import trained_generators, without_words
from cxr.demo import run_demo
from cxr.training.classifier.recipe import load_recipe
from cxr.training.classifier.train import train
from cxr.training.report.recipe import load_report_recipe

__all__ = ["run"]

WITHOUT_TEXT = "template, classifier without text"


def run() -> list[Row]:
    """Train a generator per seed and cohort, score the modes, the texts, the attention and the regulariser."""
    return [*_modes(), *_reports()]


def _modes() -> list[Row]:
    ablation = AblationCohort.open()
    cohort = Cohort.open(ablation.folder, "phantoms of the ablation, held-out patients")
    # TieNet takes the pooled class maps for what the classifier says: these two recipes do so too.
    silent, told = ({seed: train_longer(recipe, seed, ablation) for seed in SEEDS} for recipe in (SILENT, TOLD))
    recipe = load_report_recipe("tienet")
    # This cohort has two fifths of the demo's reports: with as many epochs it would have two fifths of the steps.
    optimization = recipe.optimization.model_copy(update={"epochs": LONG})
    recipe = recipe.model_copy(update={"optimization": optimization})
    taught = trained_generators(cohort, told, "tienet-ablation", recipe)
    wordless = trained_generators(cohort, silent, "tienet-wordless", without_words(recipe))
    return mode_rows(cohort, taught, wordless)


def _reports() -> list[Row]:
    folder = demo.demo_folder()
    if not (folder / "clinic" / "worklist.html").is_file():
        run_demo(folder, patients=demo.PATIENTS, size=demo.SIZE, seed=demo.SEED, workers=1, say=print)
    cohort = Cohort.open(folder, "phantom cohort of the demo, held-out fifth of its patients")
    told, silent = ({seed: _classifier(cohort, seed, words=words) for seed in SEEDS} for words in (True, False))
    generators = trained_generators(cohort, told, "tienet", load_report_recipe("tienet"))
    said = [generator.speak() for generator in generators]
    screened = [screen_cohort(cohort, told[seed], generators[seed].run) for seed in SEEDS]
    templates = {
        "template": [[one.template for one in run] for run in screened],
        WITHOUT_TEXT: [[one.template for one in screen_cohort(cohort, silent[seed], None)] for seed in SEEDS],
    }
    patients = list(cohort.test.records["patient"])
    return [
        *text_rows(cohort, generators, said, templates),
        *pointing_rows(cohort, generators, said, [silent[seed] for seed in SEEDS]),
        *regulariser_rows("tienet-regulariser", cohort.data, screened[0], cohort.truth, patients, {}),
        *runtime_rows(cohort, generators[0]),
    ]


def _classifier(cohort: Cohort, seed: int, *, words: bool) -> Path:
    """The run folder of the demo's classifier, or of one that learns from labels alone."""
    run = cohort.folder / "run"
    if words and seed == 0:
        return run
    recipe = load_recipe("demo").model_copy(update={"seed": seed})
    if not words:
        recipe = recipe.model_copy(update={"report_localization": None})
    out = run_folder(f"tienet-{'told' if words else 'silent'}-{seed}", (), train, variant=cohort.folder.name)
    train(recipe, cohort.dataset, out, init_weights=None, workers=0, cache=run / "cache")
    return out
