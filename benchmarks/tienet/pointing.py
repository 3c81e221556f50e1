"""The pointing game: does the place that was looked at most lie inside the finding's true mask?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.localization.methods import SEEDS
from benchmarks.record import Row, line
from benchmarks.tienet.cohort import Cohort
from benchmarks.tienet.trained import Generator, Said
from cxr.datasets.cache import ImageCache
from cxr.evaluation.bootstrap import bootstrap, estimates
from cxr.models.checkpoint import load_checkpoint
from cxr.training.classifier.predictions import Predictions, split_predictions
from cxr.training.report.word_grounding import PRESENT
from nlp_labeler.findings import CHESTXRAY8
from nlp_labeler.labeler import Labeler

__all__ = ["pointing_rows"]


def pointing_rows(
    cohort: Cohort, generators: Sequence[Generator], said: Sequence[Said], silent: Sequence[Path]
) -> list[Row]:
    """Share of hits of word attention and of class heatmaps on the same findings: those true, masked and said.

    Args:
        cohort: whose held-out patients are looked at.
        generators: a generator per seed.
        said: what each of them said.
        silent: per seed the run of a classifier that has learned from labels alone.
    """
    reader = Labeler.load(policy="openi", engine="surface")
    found = [
        hit
        for generator, spoken, run in zip(generators, said, silent, strict=True)
        for hit in _hits(cohort, reader, generator, spoken, _predicted(cohort, run))
    ]
    hits = np.array(
        [
            (hit.attention, hit.heatmap, hit.silent, hit.attention - hit.heatmap, hit.attention - hit.silent)
            for hit in found
        ],
        dtype=float,
    )

    def shares(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(weights @ hits / weights.sum(axis=1, keepdims=True))

    patients = dict(zip(cohort.images, cohort.test.records["patient"], strict=True))
    without = "class heatmap, classifier without text"
    names = (
        "word attention",
        "class heatmap",
        without,
        "word attention minus class heatmap",
        f"word attention minus {without}",
    )
    found_shares = estimates(bootstrap(shares, [patients[hit.image] for hit in found]))
    return [
        row
        for name, figure in zip(names, found_shares, strict=True)
        for row in line(
            "tienet-pointing",
            name,
            {"peak inside the true mask": figure},
            n=len(hits),
            unit_of_n="findings that are true and said",
            data=cohort.data,
            seeds=SEEDS,
        )
    ]


@dataclass(frozen=True)
class _Hit:
    image: str
    attention: bool
    heatmap: bool
    silent: bool


def _predicted(cohort: Cohort, run: Path) -> Predictions:
    """A classifier's class maps of the held-out images."""
    model, card = load_checkpoint(run)
    images = ImageCache.build(cohort.test, card.image_size, cohort.folder / "run" / "cache" / "test")
    return split_predictions(model, cohort.test, images, card.label_space, with_maps=True)


def _hits(cohort: Cohort, reader: Labeler, generator: Generator, said: Said, silent: Predictions) -> Iterator[_Hit]:
    assert silent.class_maps is not None
    space = generator.model.card.label_space
    for row, image in enumerate(cohort.images):
        maps = None
        for name, looked in _attended(reader, generator, said, row):
            mask = cohort.mask(image, name)
            if mask is None:
                continue
            maps = _class_maps(generator, row) if maps is None else maps
            other = silent.class_maps[row, silent.label_space.index(name)]
            yield _Hit(image, _inside(looked, mask), _inside(maps[space.index(name)], mask), _inside(other, mask))


def _attended(reader: Labeler, generator: Generator, said: Said, row: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Finding -> (S, S) mean attention of the words of its first mention."""
    text, spans = generator.vocabulary.render(said.words[row])
    attention = said.attention[row]
    edge = round(attention.shape[1] ** 0.5)
    seen: set[str] = set()
    for mention in reader.label(text).mentions:
        if mention.finding in CHESTXRAY8 and mention.finding not in seen and mention.assertion in PRESENT:
            words = [i for i, (start, end) in enumerate(spans) if start < mention.end and end > mention.start]
            seen.add(mention.finding)
            yield mention.finding, attention[words].mean(axis=0).reshape(edge, edge)


def _class_maps(generator: Generator, row: int) -> NDArray[np.float32]:
    features = torch.from_numpy(np.asarray(generator.features[row : row + 1], dtype=np.float32))
    with torch.inference_mode():
        maps: NDArray[np.float32] = generator.model.classifier.classify(features).class_maps[0].numpy()
    return maps


def _inside(heat: NDArray[np.floating], mask: NDArray[np.bool_]) -> bool:
    """Whether the centre of the hottest cell of a map over the whole square image lies in the mask."""
    y, x = np.unravel_index(int(heat.argmax()), heat.shape)
    return bool(mask[int((y + 0.5) / heat.shape[0] * mask.shape[0]), int((x + 0.5) / heat.shape[1] * mask.shape[1])])
