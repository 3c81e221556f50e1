"""A trained run against the truth of the cohort's test patients."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.localization.cohort import SIZE, AblationCohort
from benchmarks.localization.fit_boxes import fit_box_settings
from cxr.datasets.cache import ImageCache
from cxr.evaluation.localization import BoxHits, BoxTable
from cxr.evaluation.ranking import RankedScores
from cxr.imaging.preprocessing import prepare
from cxr.localization import BoxSettings, boxes_from_heatmap
from cxr.localization.heatmaps import heatmap_on_image
from cxr.models.backbone import Backbone
from cxr.models.checkpoint import load_checkpoint
from cxr.training.classifier.ontology import with_ontology
from cxr.training.classifier.predictions import split_predictions
from cxr.training.classifier.train import default_workers
from cxr.training.shared.frozen_features import compute_maps, stored_maps
from nlp_labeler.findings import ANCESTORS, CHESTXRAY8

__all__ = ["Scored", "score"]

HeatAndBoxes = tuple[NDArray[np.float32], NDArray[np.float64]]
"""A heatmap (h, w), and the true boxes (T, 4) on its grid."""

LOGIT_TOLERANCE = 1e-4
"""A child's logit must be above its parent's by more than rounding to count as a violation."""


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


@dataclass(frozen=True)
class Seen:
    """What a run says of a split.

    Attributes:
        images: their names.
        logits: (N, C).
        label_space: names of the C labels.
        boxed: (image, finding) of every finding that is truly boxed -> its heatmap and true boxes.
    """

    images: tuple[str, ...]
    logits: NDArray[np.float32]
    label_space: tuple[str, ...]
    boxed: dict[tuple[str, str], HeatAndBoxes]

    def violations(self) -> int:
        """Image and label pairs whose child is more probable than its parent."""
        places = {label: column for column, label in enumerate(self.label_space)}
        pairs = [
            (places[child], places[parent])
            for child in self.label_space
            for parent in ANCESTORS[child][:1]
            if parent in places
        ]
        logits = self.logits
        return int(sum((logits[:, child] > logits[:, parent] + LOGIT_TOLERANCE).sum() for child, parent in pairs))


def see(run: Path, cohort: AblationCohort, split: str) -> Seen:
    """Predict a split with a finished run."""
    model, card = load_checkpoint(run)
    dataset = cohort.dataset
    if not set(card.label_space) <= set(dataset.label_space):
        dataset = with_ontology(dataset)
    chosen = dataset.subset(split)
    cache = ImageCache.build(chosen, card.image_size, cohort.cache / split, workers=default_workers())
    backbone = model.backbone
    assert isinstance(backbone, Backbone)
    maps = compute_maps(backbone, cache, cohort.cache / "maps")
    with stored_maps(model, card.image_size):
        found = split_predictions(model, chosen, maps, card.label_space, with_maps=True)
    assert found.class_maps is not None
    placement = prepare(np.zeros((SIZE, SIZE), np.float32), card.image_size)[1]
    rows = {image: row for row, image in enumerate(found.images)}
    boxed = {}
    for key, boxes in cohort.boxes(found.images).groupby(["image", "label"]):
        image, label = map(str, key)
        class_map = found.class_maps[rows[image], card.label_space.index(label)].astype(np.float32)
        drawn = boxes[["x", "y", "width", "height"]].to_numpy(float) * (card.image_size / SIZE)
        boxed[image, label] = heatmap_on_image(class_map, placement, card.image_size), drawn
    return Seen(found.images, found.logits, card.label_space, boxed)


def best_settings(seen: Seen) -> dict[str, BoxSettings]:
    """Per finding, the cut that suits a run's heatmaps best."""
    pairs = {label: [pair for (_, other), pair in seen.boxed.items() if other == label] for label in CHESTXRAY8}
    return {
        label: fit_box_settings([heat for heat, _ in found], [boxes for _, boxes in found])
        for label, found in pairs.items()
    }


def score(run: Path, cohort: AblationCohort) -> Scored:
    """Score the test patients, with boxes cut as it suits the run best on the validation patients."""
    settings = best_settings(see(run, cohort, "val"))
    seen = see(run, cohort, "test")
    labels = cohort.truth(seen.images)
    drawn = [(image, label, list(box)) for (image, label), (_, boxes) in seen.boxed.items() for box in boxes]
    guessed = [
        (image, label, [box.x, box.y, box.width, box.height])
        for (image, label), (heat, _) in seen.boxed.items()
        for box in boxes_from_heatmap(heat, settings[label])
    ]
    columns = {label: seen.logits[:, seen.label_space.index(label)] for label in CHESTXRAY8}
    return Scored(
        ranked=[RankedScores(labels[label], columns[label]) for label in CHESTXRAY8],
        hits=BoxHits(BoxTable.of(drawn), BoxTable.of(guessed), CHESTXRAY8),
        violations=seen.violations(),
    )
