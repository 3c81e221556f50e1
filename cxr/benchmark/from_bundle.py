"""A benchmark from a bundle and a dataset's held-out split."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from cxr.benchmark.bundle_reader import BoxRow, Reading, read_images
from cxr.benchmark.figures import Benchmark, BenchmarkSettings, Source, run_benchmark
from cxr.benchmark.predictions import LabeledPredictions
from cxr.datasets.dataset import open_dataset
from cxr.datasets.schema import Dataset
from cxr.datasets.splits import leaking_patients
from cxr.errors import DatasetError
from cxr.evaluation.localization import BoxTable, LocalizationReport, evaluate_localization
from cxr.evaluation.subgroups import age_band
from cxr.screening import Bundle
from nlp_labeler.storage import bytes_sha256

__all__ = ["benchmark_bundle"]

_UNCERTAIN = -1


def _open_split(path: Path, split: str, names: Sequence[str]) -> Dataset:
    """A split whose patients are on no other side and whose labels cover the bundle's."""
    dataset = open_dataset(path)
    leaking = leaking_patients(dataset.records["patient"], dataset.records["split"])
    if leaking:
        raise DatasetError(f"{path}: {len(leaking)} patients are on both sides of the split; split by patient")
    missing = [name for name in names if name not in dataset.label_space]
    if missing:
        raise DatasetError(f"{path} has no labels for {', '.join(missing)}, which the bundle predicts")
    return dataset.subset(split)


def _boxes(dataset: Dataset, names: Sequence[str]) -> list[BoxRow]:
    """True boxes of the bundle's findings."""
    rows = zip(*(dataset.boxes[c].tolist() for c in ("image", "label", "x", "y", "width", "height")), strict=True)
    return [(image, label, (x, y, width, height)) for image, label, x, y, width, height in rows if label in names]


def _source(dataset: Dataset, split: str) -> Source:
    """The hash covers names, patients, labels and boxes of the split, not the pixels."""
    columns = ["image", "patient", *dataset.label_space]
    content = dataset.records[columns].to_csv(index=False) + dataset.boxes.to_csv(index=False)
    return Source(f"{split} split of dataset", dataset.name, bytes_sha256(content.encode()))


def _predictions(records: pd.DataFrame, readings: Sequence[Reading], names: tuple[str, ...]) -> LabeledPredictions:
    labels = records[list(names)].to_numpy(np.float64)
    return LabeledPredictions(
        images=tuple(records["image"].astype(str)),
        patients=tuple(records["patient"].astype(str)),
        label_names=names,
        labels=np.where(labels == _UNCERTAIN, np.nan, labels),  # neither right nor wrong
        probabilities=np.stack([reading.probabilities for reading in readings]),
        attributes={
            "sex": tuple(records["sex"].astype(str)),
            "age": tuple(age_band(float(age)) for age in records["age"]),
            "view": tuple(records["view"].astype(str)),
        },
    )


def _localization(
    truth: Sequence[BoxRow], readings: Sequence[Reading], predictions: LabeledPredictions, settings: BenchmarkSettings
) -> LocalizationReport | None:
    """Figures over the screened images with true boxes; ``None`` where there are none."""
    patients = dict(zip(predictions.images, predictions.patients, strict=True))
    judged = [row for row in truth if row[0] in patients]
    if not judged:
        return None
    predicted = [row for reading in readings for row in reading.boxes]
    return evaluate_localization(
        BoxTable.of(judged),
        BoxTable.of(predicted),
        patients,
        predictions.label_names,
        settings.resamples,
        settings.seed,
    )


def benchmark_bundle(path: Path, bundle_path: Path, split: str, settings: BenchmarkSettings) -> tuple[Benchmark, int]:
    """Run a bundle over a split of a dataset and compute every figure.

    Args:
        path: dataset folder.
        bundle_path: bundle folder.
        split: train, val or test.
        settings: resamples, seed and levels.

    Returns:
        The benchmark, and how many images could not be screened and are left out of it.

    Raises:
        BundleError: if the bundle cannot be used.
        DatasetError: if the dataset cannot be evaluated with this bundle, or none of its images screened.
    """
    bundle = Bundle.load(bundle_path)
    manifest = bundle.manifest
    dataset = _open_split(path, split, manifest.label_space)
    records, truth = dataset.records, _boxes(dataset, manifest.label_space)
    located: dict[str, list[str]] = {}
    for image, label, _ in truth:
        located.setdefault(image, [])
        if label not in located[image]:
            located[image].append(label)

    images = [(str(image), Path(file)) for image, file in zip(records["image"], records["path"], strict=True)]
    progress = track(
        read_images(bundle, images, located),
        description="screening",
        total=len(images),
        console=Console(stderr=True),
        transient=True,
    )
    every = list(progress)
    readings = [reading for reading in every if reading is not None]
    if not readings:
        raise DatasetError(f"{path}: none of the {len(images)} images of the {split} split could be screened")
    screened = pd.Series([reading is not None for reading in every])
    predictions = _predictions(records[screened], readings, manifest.label_space)
    name = f"{manifest.name} {manifest.version}"
    benchmark = run_benchmark(
        predictions,
        _source(dataset, split),
        Source("model bundle", name, manifest.model_sha256),
        settings,
        (bundle.operating_points, f"of bundle {name}"),
        _localization(truth, readings, predictions, settings),
    )
    return benchmark, len(every) - len(readings)
