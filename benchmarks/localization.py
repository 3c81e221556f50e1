"""What each published method adds, on phantoms whose lesions' places are known: three seeds each, paired intervals.

Trains cxr/training/recipes/*.toml on a cohort of its own, from labels mined from its reports; runs resume in
runs/laboratory. Each method is cut into boxes by the threshold that suits it best on the validation patients.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.record import ROOT, Row
from cxr.datasets.builder import build_dataset
from cxr.datasets.cache import ImageCache
from cxr.datasets.dataset import Dataset, open_dataset
from cxr.evaluation.bootstrap import Estimate, Statistic, bootstrap, estimates
from cxr.evaluation.localization import IOBB_THRESHOLDS, IOU_THRESHOLDS, BoxHits, BoxTable
from cxr.evaluation.ranking import RankedScores
from cxr.imaging.preprocessing import prepare
from cxr.localization import BoxSettings, boxes_from_heatmap
from cxr.localization.evidence import heatmap_on_image
from cxr.models.checkpoint import load_checkpoint
from cxr.phantom.cohort import generate_cohort
from cxr.training.fit_boxes import fit_box_settings
from cxr.training.ontology import with_ontology
from cxr.training.recipe import load_recipe
from cxr.training.train import default_workers, split_predictions, train
from nlp_labeler.findings import ANCESTORS, CHESTXRAY8

PATIENTS, SIZE, SEEDS = 1100, 160, (0, 1, 2)
RESAMPLES = 1000
FRACTIONS = {"train": 0.6, "val": 0.1, "test": 0.3}
AGAINST = {
    "laboratory": "average_pooling",
    "multi_scale": "laboratory",
    "attention_mining": "laboratory",
    "knowledge_preservation": "attention_mining",
    "mining_and_scales": "laboratory",
    "curriculum": "laboratory",
    "attention_guidance": "laboratory",
    "hierarchy": "flat_ontology",
}
"""Method -> the same model without it."""

SHOWN = {
    "mean AUC": 0,
    **{f"IoU > {t}": 1 + IOU_THRESHOLDS.index(t) for t in (0.1, 0.3, 0.5, 0.7)},
    **{f"IoBB > {t}": 1 + len(IOU_THRESHOLDS) + IOBB_THRESHOLDS.index(t) for t in (0.1, 0.25, 0.5)},
    "false boxes": 1 + len(IOU_THRESHOLDS) + len(IOBB_THRESHOLDS),
}
"""Column -> its place in what a trained model's statistic gives."""


HeatAndBoxes = tuple[NDArray[np.float32], NDArray[np.float64]]
"""A heatmap (h, w), and the true boxes (T, 4) on its grid."""


@dataclass(frozen=True)
class Scored:
    """One trained model on the test patients.

    Attributes:
        ranked: scores of each of the eight findings.
        hits: boxes against the true ones.
        violations: image and label pairs whose child is more probable than its parent.
    """

    ranked: list[RankedScores]
    hits: BoxHits
    violations: int


def laboratory() -> tuple[Dataset, Path]:
    """The cohort's dataset with mined labels, and the folder of its truth."""
    folder = ROOT / "runs" / "laboratory"
    workers = default_workers()
    generate_cohort(PATIENTS, SIZE, 7, folder / "cohort", workers=workers)
    build_dataset(
        folder / "cohort" / "images",
        folder / "cohort" / "reports.csv",
        folder / "dataset",
        fractions=FRACTIONS,
        seed=7,
        workers=workers,
    )
    return open_dataset(folder / "dataset"), folder / "cohort" / "truth"


def heatmaps_and_boxes(
    run: Path, dataset: Dataset, split: str, truth: Path
) -> tuple[tuple[str, ...], NDArray[np.float32], dict[tuple[str, str], HeatAndBoxes], tuple[str, ...]]:
    """Images, logits, (image, label) -> heatmap and true boxes on its grid, and the label space of a run."""
    model, card = load_checkpoint(run)
    if not set(card.label_space) <= set(dataset.label_space):
        dataset = with_ontology(dataset)
    chosen = dataset.subset(split)
    cache = ImageCache.build(chosen, card.image_size, run / "cache" / split, workers=default_workers())
    found = split_predictions(model, chosen, cache, card.label_space, with_maps=True)
    assert found.class_maps is not None
    placement = prepare(np.zeros((SIZE, SIZE), np.float32), card.image_size)[1]
    table = pd.read_csv(truth / "boxes.csv", dtype={"image": str})
    table = table[table["image"].isin(found.images) & table["label"].isin(CHESTXRAY8)]
    rows = {image: row for row, image in enumerate(found.images)}
    pairs = {}
    for key, boxes in table.groupby(["image", "label"]):
        image, label = map(str, key)
        class_map = found.class_maps[rows[image], card.label_space.index(label)].astype(np.float32)
        drawn = boxes[["x", "y", "width", "height"]].to_numpy(float) * (card.image_size / SIZE)
        pairs[image, label] = heatmap_on_image(class_map, placement, card.image_size), drawn
    return found.images, found.logits, pairs, card.label_space


def settings_of(run: Path, dataset: Dataset, truth: Path) -> dict[str, BoxSettings]:
    """Per finding, the cut that suits a run's heatmaps best on the validation patients."""
    _, _, pairs, _ = heatmaps_and_boxes(run, dataset, "val", truth)
    return {
        label: fit_box_settings(
            [heat for (_, other), (heat, _) in pairs.items() if other == label],
            [boxes for (_, other), (_, boxes) in pairs.items() if other == label],
        )
        for label in CHESTXRAY8
    }


def score(run: Path, dataset: Dataset, truth: Path) -> Scored:
    """A finished run against the truth of the test patients."""
    settings = settings_of(run, dataset, truth)
    images, logits, pairs, label_space = heatmaps_and_boxes(run, dataset, "test", truth)
    labels = pd.read_csv(truth / "labels.csv", dtype={"image": str}).set_index("image").loc[list(images)]
    drawn = [(image, label, list(box)) for (image, label), (_, boxes) in pairs.items() for box in boxes]
    guessed = [
        (image, label, [box.x, box.y, box.width, box.height])
        for (image, label), (heat, _) in pairs.items()
        for box in boxes_from_heatmap(heat, settings[label])
    ]
    places = {label: column for column, label in enumerate(label_space)}
    above = [
        (places[child], places[parent]) for child in label_space for parent in ANCESTORS[child][:1] if parent in places
    ]
    return Scored(
        ranked=[RankedScores(labels[label], logits[:, places[label]]) for label in CHESTXRAY8],
        hits=BoxHits(BoxTable.of(drawn), BoxTable.of(guessed), CHESTXRAY8),
        violations=int(sum((logits[:, child] > logits[:, parent] + 1e-4).sum() for child, parent in above)),
    )


def statistic(models: list[Scored], images: tuple[str, ...]) -> Statistic:
    """Image weights (R, N) -> (R, K): mean AUC, then the mean rates of BoxHits, averaged over a method's seeds."""
    rows = {image: row for row, image in enumerate(images)}

    def values(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        found = []
        for model in models:
            auc = np.mean([ranked.metrics(weights, 0.0).auc for ranked in model.ranked], axis=0)
            units = [rows[image] for image in model.hits.images]
            found.append(np.column_stack([auc, model.hits.rates(weights[:, units])[:, 0]]))
        return np.mean(found, axis=0)

    return values


def _difference(with_it: Statistic, without: Statistic, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    return with_it(weights) - without(weights)


def _rows(table: str, name: str, found: list[Estimate], n: int, note: str) -> list[Row]:
    return [
        Row(
            table=table,
            row=name,
            metric=column,
            value=found[place].value,
            low=found[place].low,
            high=found[place].high,
            n=n,
            unit_of_n="images",
            data=f"phantom test patients, mean of {len(SEEDS)} seeds",
            note=note,
        )
        for column, place in SHOWN.items()
    ]


def run() -> list[Row]:
    """Train every method with every seed, score them all, and compare each with the model without it."""
    dataset, truth = laboratory()
    names = sorted({*AGAINST, *AGAINST.values()})
    scored: dict[str, list[Scored]] = {}
    for seed in SEEDS:
        for name in names:
            folder = ROOT / "runs" / "laboratory" / f"{name}-{seed}"
            recipe = load_recipe(name).model_copy(update={"seed": seed})
            train(recipe, dataset, folder, init_weights=None, workers=default_workers())
            scored.setdefault(name, []).append(score(folder, dataset, truth))
    test = dataset.subset("test").records
    images, patients = tuple(test["image"]), list(test["patient"])
    statistics = {name: statistic(models, images) for name, models in scored.items()}
    rows: list[Row] = []
    for name in names:
        broken = sum(model.violations for model in scored[name])
        note = f"{broken} children more probable than their parent"
        found = estimates(bootstrap(statistics[name], patients, RESAMPLES))
        rows += _rows("phantom-methods", name, found, len(images), note)
    for name, other in AGAINST.items():
        gain = partial(_difference, statistics[name], statistics[other])
        difference = estimates(bootstrap(gain, patients, RESAMPLES))
        rows += _rows("phantom-gains", f"{name} - {other}", difference, len(images), "paired by image")
    return rows
