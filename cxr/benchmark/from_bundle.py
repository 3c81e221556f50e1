"""A benchmark of a bundle on a dataset's held-out split: every film through the clinic's Screener, gate included."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from cxr.benchmark.figures import Benchmark, BenchmarkSettings, Source, run_benchmark
from cxr.benchmark.tables import LabeledPredictions
from cxr.datasets.dataset import open_dataset
from cxr.datasets.schema import Dataset
from cxr.datasets.splits import leaking_patients
from cxr.errors import DatasetError
from cxr.evaluation.localization import BoxTable, evaluate_localization
from cxr.evaluation.subgroups import age_band
from cxr.screening import Examination, Screener, ScreeningInput, default_workers, screen_many

__all__ = ["ScreenedSplit", "benchmark_bundle", "screen_split"]

_UNCERTAIN = -1

_BoxRow = tuple[str, str, tuple[float, float, float, float]]
"""Image, finding, and x, y, width, height in pixels of the image."""


@dataclass(frozen=True)
class ScreenedSplit:
    """What a bundle says of a split, as a clinic would be told it.

    Attributes:
        predictions: of the films that were screened.
        true_boxes: of the bundle's findings on those films.
        boxes: the bundle's, of every finding that is truly boxed in the film: Wang 2017 judges them there, whatever
            the operating point says.
        refused: code -> number of films that the reader or the quality gate refused.
    """

    predictions: LabeledPredictions
    true_boxes: BoxTable
    boxes: BoxTable
    refused: Mapping[str, int]


def screen_split(screener: Screener, dataset: Dataset) -> ScreenedSplit:
    """Screen every film of a split.

    Args:
        screener: made with ``threads=1``; one film per core is screened at a time.
        dataset: the split, with labels of all findings of the bundle.

    Raises:
        DatasetError: if none of the films could be screened.
    """
    names, records = screener.bundle.manifest.label_space, dataset.records
    truth = _true_boxes(dataset, names)
    boxed: dict[str, list[str]] = {}
    for image, label, _ in truth:
        boxed.setdefault(image, [])
        boxed[image] += [label] if label not in boxed[image] else []

    def finish(examination: Examination) -> list[_BoxRow]:
        name, artifacts = examination.result.path, examination.artifacts
        assert artifacts is not None  # a screened film has them
        return [
            (name, label, (box.x, box.y, box.width, box.height))
            for label in boxed.get(name, ())
            for box in artifacts.boxes(label)
        ]

    files = {str(image): Path(file) for image, file in zip(records["image"], records["path"], strict=True)}
    inputs = (ScreeningInput(image, lambda file=file: file) for image, file in files.items())  # type: ignore[misc]
    console = Console(stderr=True)
    results = track(
        screen_many(screener, inputs, finish, workers=default_workers()),
        description="screening",
        total=len(files),
        console=console,
        transient=True,
    )
    probabilities: dict[str, list[float]] = {}
    found: list[_BoxRow] = []
    refused: Counter[str] = Counter()
    for result, boxes in results:
        if result.refusal is not None:
            refused[str(result.refusal.code)] += 1
            continue
        probabilities[result.path] = [finding.probability for finding in result.findings]
        found += boxes or []
    if not probabilities:
        raise DatasetError(f"none of the {len(files)} films could be screened: {dict(refused)}")
    kept = records[records["image"].astype(str).isin(probabilities)]
    return ScreenedSplit(
        predictions=_predictions(kept, np.array(list(probabilities.values())), names),
        true_boxes=BoxTable.of(row for row in truth if row[0] in probabilities),
        boxes=BoxTable.of(found),
        refused=dict(refused),
    )


def _true_boxes(dataset: Dataset, names: Sequence[str]) -> list[_BoxRow]:
    rows = zip(*(dataset.boxes[c].tolist() for c in ("image", "label", "x", "y", "width", "height")), strict=True)
    return [(str(image), label, (x, y, w, h)) for image, label, x, y, w, h in rows if label in names]


def _predictions(
    records: pd.DataFrame, probabilities: NDArray[np.float64], names: tuple[str, ...]
) -> LabeledPredictions:
    labels = records[list(names)].to_numpy(np.float64)
    return LabeledPredictions(
        images=tuple(records["image"].astype(str)),
        patients=tuple(records["patient"].astype(str)),
        label_names=names,
        labels=np.where(labels == _UNCERTAIN, np.nan, labels),  # neither right nor wrong
        probabilities=probabilities,
        attributes={
            "sex": tuple(records["sex"].astype(str)),
            "age": tuple(age_band(float(age)) for age in records["age"]),
            "view": tuple(records["view"].astype(str)),
        },
    )


def benchmark_bundle(path: Path, bundle_path: Path, split: str, settings: BenchmarkSettings) -> Benchmark:
    """Run a bundle over a split of a dataset and compute every figure.

    Args:
        path: dataset folder.
        bundle_path: bundle folder.
        split: train, val or test.
        settings: resamples, seed and levels.

    Raises:
        BundleError: if the bundle cannot be used.
        DatasetError: if the dataset cannot be evaluated with this bundle, or none of its films screened.
    """
    screener = Screener(bundle_path, threads=1)
    manifest = screener.bundle.manifest
    dataset = _open_split(path, split, manifest.label_space)
    screened = screen_split(screener, dataset)
    predictions = screened.predictions
    name = f"{manifest.name} {manifest.version}"
    return run_benchmark(
        predictions,
        _source(dataset, split),
        Source("model bundle", name, manifest.model_sha256),
        settings,
        points=(screener.bundle.operating_points, f"of bundle {name}"),
        localization=evaluate_localization(
            screened.true_boxes,
            screened.boxes,
            dict(zip(predictions.images, predictions.patients, strict=True)),
            predictions.label_names,
            settings.resamples,
            settings.seed,
        )
        if screened.true_boxes.images
        else None,
        refused=screened.refused,
    )


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


def _source(dataset: Dataset, split: str) -> Source:
    """The hash covers names, patients, labels and boxes of the split, not the pixels."""
    columns = ["image", "patient", *dataset.label_space]
    content = dataset.records[columns].to_csv(index=False) + dataset.boxes.to_csv(index=False)
    return Source(f"{split} split of dataset", dataset.name, hashlib.sha256(content.encode()).hexdigest())
