"""Phantom export -> labels -> dataset -> model -> bundle -> screened clinic, every stage as a user would call it.

Only :mod:`cxr.demo.score` opens the truth, after everything has been learned.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cxr.datasets.builder import build_dataset
from cxr.datasets.dataset import open_dataset
from cxr.demo.score import DemoScore, score_against_truth
from cxr.export.bundle import export_bundle
from cxr.outputs.results_folder import screen_to_folder
from cxr.phantom.cohort import generate_cohort
from cxr.screening import Screener
from cxr.training.classifier.recipe import load_recipe
from cxr.training.classifier.train import train

FRACTIONS = {"train": 0.6, "val": 0.2, "test": 0.2}
"""A fifth of the patients calibrates: enough of them are healthy to certify referrals at ALPHA."""

ALPHA, DELTA = 0.02, 0.05
"""False-positive rate of the certificates and the chance that one fails; 2 % needs 149 healthy patients, 1 % 299."""

CLINIC_DAY = 60
"""Held-out radiographs on the worklist page: what a small clinic takes in a day."""


@dataclass(frozen=True)
class DemoResult:
    """What the demo ended with.

    Attributes:
        score: the held-out figures against the truth.
        certified: findings with a certified threshold.
        page: the worklist to open.
    """

    score: DemoScore
    certified: int
    page: Path


def run_demo(out: Path, *, patients: int, size: int, seed: int, workers: int, say: Callable[[str], None]) -> DemoResult:
    """Run every stage into ``out``; a rerun goes on where an earlier one stopped.

    Args:
        out: folder of the demo.
        patients: size of the cohort.
        size: edge of the phantom radiographs in pixels.
        seed: of the cohort.
        workers: processes for rendering, decoding and screening.
        say: called with one line as each stage starts.
    """
    cohort, data, run, bundle = out / "cohort", out / "dataset", out / "run", out / "bundle"
    say(f"1/6  hospital: {patients} phantom patients with radiographs and free-text reports, no labels")
    generate_cohort(patients, size, seed, cohort, workers=workers)
    say("2/6  labels: read the reports; dataset: split by patient")
    build_dataset(cohort / "images", cohort / "reports.csv", data, fractions=FRACTIONS, seed=seed, workers=workers)
    dataset = open_dataset(data)
    say("3/6  training on the labels mined from the reports")
    train(load_recipe("demo"), dataset, run, init_weights=None, workers=max(1, workers // 2))
    say("4/6  calibration, certified operating points, offline bundle")
    manifest = export_bundle(run, bundle, name="phantom", version="1.0.0", alpha=ALPHA, delta=DELTA)
    say("5/6  scoring held-out patients against the truth")
    score = score_against_truth(run, dataset, cohort / "truth", out / "figures", workers=workers)
    say(f"6/6  clinic: screening {CLINIC_DAY} held-out radiographs")
    screener = Screener(bundle, threads=1)
    radiographs = [Path(path) for path in dataset.subset("test").records["path"][:CLINIC_DAY]]
    summary = screen_to_folder(screener, radiographs, out / "clinic", workers=workers)
    points = screener.bundle.operating_points
    certified = sum(points.threshold(name) is not None for name in manifest.label_space)
    return DemoResult(score=score, certified=certified, page=summary.page)
