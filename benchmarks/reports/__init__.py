"""Real pixels and real text: NIH images with OpenI reports of the same label set, which are surrogate pairs.

No public set of paired images and reports is at hand, but for eight. The generator therefore learns from NIH train_val
images, each with an OpenI report that has the same of the eight labels and was written for somebody else. What it says
of test_dev is scored against the NIH labels. Stages resume in runs/nih-baseline-0 and runs/nih-reports.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.classification.trained import PLAIN, SEEDS, train_nih
from benchmarks.provenance import ROOT, run_folder, shared_data
from benchmarks.record import Row
from benchmarks.reports.pairs_page import write_pairs_page
from benchmarks.tienet.regulariser import regulariser_rows
from benchmarks.tienet.screened import screen_files
from benchmarks.tienet.texts import always_normal, nearest_neighbour
from cxr.datasets.cache import ImageCache
from cxr.datasets.dataset import Dataset, open_dataset
from cxr.export.bundle import export_bundle
from cxr.models.report_checkpoint import load_report_model
from cxr.training.report.recipe import load_report_recipe
from cxr.training.report.texts import teachable_rows
from cxr.training.report.train import train_report
from cxr.training.shared.frozen_features import cached_features
from nlp_labeler.document import compose_report
from nlp_labeler.findings import CHESTXRAY8

__all__ = ["run"]

ALPHA, DELTA = 0.05, 0.05
DATA = "NIH test_dev; the generator learned from surrogate pairs (NIH images, OpenI reports of the same labels)"


def run() -> list[Row]:
    """Train on surrogate pairs, screen test_dev, audit; write the page of the eight real pairs."""
    openi = shared_data("openi")
    dataset = surrogate_dataset(shared_data("nih"), openi)
    classifier = train_nih(PLAIN, SEEDS[0]).folder
    variant = str(classifier.relative_to(ROOT))
    folder = run_folder("nih-reports", ("nih", "openi"), train_report, export_bundle, variant=variant)
    train_report(load_report_recipe("tienet"), dataset, classifier, folder, workers=1)
    bundle = folder / "bundle"
    export_bundle(classifier, bundle, name="nih-tienet", version="1", alpha=ALPHA, delta=DELTA, report_run=folder)
    test = dataset.subset("test")
    screened = screen_files(bundle, [Path(path) for path in test.records["path"]])
    truth = test.records[list(CHESTXRAY8)].to_numpy() == 1
    write_pairs_page(bundle, openi, folder / "openi_pairs.html")
    baselines = {"always normal": always_normal(len(screened)), "nearest neighbour": _neighbours(folder, dataset)}
    patients = list(test.records["patient"])
    return regulariser_rows("nih-reports", DATA, screened, truth, patients, baselines)


def _neighbours(folder: Path, dataset: Dataset) -> list[str]:
    """For each image of test_dev the surrogate report of the training image nearest to it."""
    model, cache = load_report_model(folder), folder / "cache"
    _, told = teachable_rows(dataset.subset("train"))
    library = np.load(cache / "features" / "features.npy", mmap_mode="r", allow_pickle=False)
    images = ImageCache.build(dataset.subset("test"), model.card.image_size, cache / "test")
    queries = cached_features(model.classifier, model.card.weights_sha256, images, cache / "test_features")
    return nearest_neighbour(model.classifier, library, told, queries)


def surrogate_dataset(nih: Path, openi: Path) -> Dataset:
    """The NIH subset with a report for every image whose label set some OpenI dev report has.

    Args:
        nih: the NIH images.
        openi: the OpenI reports.
    """
    dataset = open_dataset(nih)
    table = pd.read_csv(openi / "dev.csv", keep_default_na=False)
    texts: dict[frozenset[str], list[str]] = {}
    for row in table.to_dict("records"):
        labels = frozenset(name for name in CHESTXRAY8 if int(row[name]) == 1)
        if labels or int(row["normal"]) == 1:
            texts.setdefault(labels, []).append(compose_report(row["findings"], row["impression"]))
    rng = np.random.default_rng(0)
    pairs = []
    for row in dataset.records[["image", *CHESTXRAY8]].to_dict("records"):
        options = texts.get(frozenset(name for name in CHESTXRAY8 if row[name] == 1), [])
        if options:
            pairs.append({"image": row["image"], "text": options[int(rng.integers(len(options)))]})
    return replace(dataset, reports=pd.DataFrame(pairs, columns=["image", "text"]))
