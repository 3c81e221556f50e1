"""The whole path on the phantom cohort: export -> labels -> dataset -> model -> bundle -> screened clinic.

Every stage is called as a user would call it. Only :func:`score_against_truth` opens the truth, after everything has
been learned.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from cxr.datasets.builder import build_dataset
from cxr.datasets.cache import ImageCache
from cxr.datasets.dataset import Dataset, open_dataset
from cxr.evaluation.classification import ClassificationReport, evaluate_classification
from cxr.evaluation.localization import LocalizationReport
from cxr.export.bundle import export_bundle
from cxr.localization import default_box_settings
from cxr.models.checkpoint import load_checkpoint
from cxr.outputs.results_folder import screen_to_folder
from cxr.outputs.writers import PAGE_FILE
from cxr.phantom.cohort import generate_cohort
from cxr.screening import Screener
from cxr.training.classifier.evaluate import localize
from cxr.training.classifier.predictions import split_predictions, write_predictions
from cxr.training.classifier.recipe import load_recipe
from cxr.training.classifier.train import train
from nlp_labeler.findings import CHESTXRAY8

FRACTIONS = {"train": 0.6, "val": 0.2, "test": 0.2}
"""A fifth of the patients calibrates: enough of them are healthy to certify referrals at ALPHA."""

ALPHA, DELTA = 0.025, 0.05
"""False-positive rate of the certificates and the chance that one fails; 2.5 % needs 119 healthy patients, 2 % 149."""

RESAMPLES = 1000

CLINIC_DAY = 60
"""Held-out radiographs on the worklist page: what a small clinic takes in a day."""


@dataclass(frozen=True)
class DemoScore:
    """Held-out patients against the truth.

    Attributes:
        classification: AUC and sensitivity at 1 % false positives per finding, means over the eight.
        localization: hits of the heatmaps' boxes.
        label_f1: micro F1 of the labels mined from the held-out reports, over the eight.
    """

    classification: ClassificationReport
    localization: LocalizationReport
    label_f1: float


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
    shutil.rmtree(out / "clinic", ignore_errors=True)  # an earlier demo's results are of an earlier bundle
    screen_to_folder(screener, radiographs, out / "clinic", workers=workers)
    points = screener.bundle.operating_points
    certified = sum(points.threshold(name) is not None for name in manifest.label_space)
    return DemoResult(score=score, certified=certified, page=out / "clinic" / PAGE_FILE)


def score_against_truth(run: Path, dataset: Dataset, truth: Path, out: Path, *, workers: int) -> DemoScore:
    """Predict the test patients and compare with what the phantoms truly have.

    Args:
        run: finished training run.
        dataset: the built dataset, for its split and its mined labels.
        truth: the cohort's truth folder.
        out: folder for predictions.csv with the true labels.
        workers: processes that decode images.
    """
    model, card = load_checkpoint(run)
    folder = run / "cache" / "test"
    test, cache = ImageCache.of_readable(dataset.subset("test"), card.image_size, folder, workers=workers)
    mined = split_predictions(model, test, cache, card.label_space, with_maps=True)
    labels = _true_labels(truth, mined.images, card.label_space)
    predictions = replace(mined, labels=labels)
    write_predictions(predictions, out / "predictions.csv")
    eight = [card.label_space.index(name) for name in CHESTXRAY8 if name in card.label_space]
    return DemoScore(
        classification=evaluate_classification(
            labels,
            predictions.logits,
            predictions.patients,
            card.label_space,
            resamples=RESAMPLES,
            mean_over=[card.label_space[i] for i in eight],
        ),
        localization=localize(
            predictions,
            {image: Path(path) for image, path in zip(test.records["image"], test.records["path"], strict=True)},
            pd.read_csv(truth / "boxes.csv", dtype={"image": str, "label": str}),
            card.image_size,
            default_box_settings(card.label_space),
            resamples=RESAMPLES,
        ),
        label_f1=float(f1_score(labels[:, eight] == 1, mined.labels[:, eight] == 1, average="micro")),
    )


def _true_labels(truth: Path, images: tuple[str, ...], label_space: tuple[str, ...]) -> NDArray[np.float32]:
    frame = pd.read_csv(truth / "labels.csv", dtype={"image": str}).set_index("image")
    return frame.loc[list(images), list(label_space)].to_numpy(np.float32, copy=True)
