"""Real pixels and real text: NIH images with OpenI reports of the same label set, which are surrogate pairs.

No public set of paired images and reports is at hand, but for eight. The generator therefore learns from NIH train_val
images, each with an OpenI report that has the same of the eight labels and was written for somebody else. What it says
of test_dev is scored against the NIH labels. Stages resume in runs/nih-baseline-0, runs/nih-reports.
"""

from pathlib import Path

import numpy as np

from benchmarks.record import ROOT, Row, shared_data
from benchmarks.reports.pairs_page import write_pairs_page
from benchmarks.reports.surrogate import surrogate_dataset
from benchmarks.tienet.baselines import always_normal, nearest_neighbour
from benchmarks.tienet.regulariser import regulariser_rows
from benchmarks.tienet.screened import screen_files
from cxr.datasets.cache import ImageCache
from cxr.datasets.dataset import Dataset
from cxr.export.bundle import export_bundle
from cxr.models.report_checkpoint import load_report_model
from cxr.training.report.recipe import load_report_recipe
from cxr.training.report.train import train_report
from cxr.training.shared.frozen_features import cached_features
from cxr.training.shared.report_texts import teachable_rows
from nlp_labeler.findings import CHESTXRAY8

__all__ = ["run"]

ALPHA, DELTA = 0.05, 0.05
DATA = "NIH test_dev; the generator learned from surrogate pairs (NIH images, OpenI reports of the same labels)"


def run() -> list[Row]:
    """Train on surrogate pairs, screen test_dev, audit; write the page of the eight real pairs."""
    data = shared_data()
    classifier, folder = ROOT / "runs" / "nih-baseline-0", ROOT / "runs" / "nih-reports"
    dataset = surrogate_dataset(data)
    train_report(load_report_recipe("tienet"), dataset, classifier, folder, workers=1)
    bundle = folder / "bundle"
    export_bundle(classifier, bundle, name="nih-tienet", version="1", alpha=ALPHA, delta=DELTA, report_run=folder)
    test = dataset.subset("test")
    screened = screen_files(bundle, [Path(path) for path in test.records["path"]])
    truth = test.records[list(CHESTXRAY8)].to_numpy() == 1
    write_pairs_page(bundle, data / "openi", folder / "openi_pairs.html")
    baselines = {"always normal": always_normal(len(screened)), "nearest neighbour": _neighbours(folder, dataset)}
    patients = list(test.records["patient"])
    return regulariser_rows("nih-reports", DATA, screened, truth, patients, baselines)


def _neighbours(folder: Path, dataset: Dataset) -> list[str]:
    """For each image of test_dev the surrogate report of the training image nearest to it."""
    model, cache = load_report_model(folder), folder / "cache"
    _, told = teachable_rows(dataset.subset("train"))
    library = np.load(cache / "features" / "features.npy", mmap_mode="r", allow_pickle=False)
    images = ImageCache.build(dataset.subset("test"), model.card.image_size, cache / "test")
    queries = cached_features(model.trunk, model.card.weights_sha256, images, cache / "test_features")
    return nearest_neighbour(model.trunk, library, told, queries)
