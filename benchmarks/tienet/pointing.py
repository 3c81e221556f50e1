"""The pointing game: does the place that was looked at most lie inside the finding's true mask?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.record import Row
from benchmarks.tienet.cohort import Cohort
from benchmarks.tienet.trained import Generator, Said
from cxr.evaluation.bootstrap import bootstrap, estimates
from nlp_labeler.document import Assertion
from nlp_labeler.findings import CHESTXRAY8
from nlp_labeler.labeler import Labeler

__all__ = ["pointing_rows"]

_PRESENT = {Assertion.AFFIRMED, Assertion.UNCERTAIN}


def pointing_rows(cohort: Cohort, generators: Sequence[Generator], said: Sequence[Said]) -> list[Row]:
    """Share of hits of word attention and of class heatmaps on the same findings: those true, masked and said."""
    reader = Labeler.load(policy="openi", engine="surface")
    found = [
        hit
        for generator, spoken in zip(generators, said, strict=True)
        for hit in _hits(cohort, reader, generator, spoken)
    ]
    hits = np.array([(hit.attention, hit.heatmap, hit.attention - hit.heatmap) for hit in found], dtype=float)

    def shares(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(weights @ hits / weights.sum(axis=1, keepdims=True))

    patients = dict(zip(cohort.images, cohort.test.records["patient"], strict=True))
    names = ("word attention", "class heatmap", "word attention minus class heatmap")
    return [
        Row(
            table="tienet-pointing",
            row=name,
            metric="peak inside the true mask",
            value=figure.value,
            low=figure.low,
            high=figure.high,
            n=len(hits),
            unit_of_n=f"findings that are true and said, of {len(generators)} seeds",
            data=cohort.data,
        )
        for name, figure in zip(
            names, estimates(bootstrap(shares, [patients[hit.image] for hit in found])), strict=True
        )
    ]


@dataclass(frozen=True)
class _Hit:
    image: str
    attention: bool
    heatmap: bool


def _hits(cohort: Cohort, reader: Labeler, generator: Generator, said: Said) -> Iterator[_Hit]:
    space = generator.model.card.label_space
    for row, image in enumerate(cohort.images):
        maps = None
        for name, looked in _attended(reader, generator, said, row):
            mask = cohort.mask(image, name)
            if mask is None:
                continue
            maps = _class_maps(generator, row) if maps is None else maps
            yield _Hit(image, _inside(looked, mask), _inside(maps[space.index(name)], mask))


def _attended(reader: Labeler, generator: Generator, said: Said, row: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Finding -> (S, S) mean attention of the words of its first mention."""
    text, spans = generator.vocabulary.render(said.words[row])
    attention = said.attention[row]
    edge = round(attention.shape[1] ** 0.5)
    seen: set[str] = set()
    for mention in reader.label(text).mentions:
        if mention.finding in CHESTXRAY8 and mention.finding not in seen and mention.assertion in _PRESENT:
            words = [i for i, (start, end) in enumerate(spans) if start < mention.end and end > mention.start]
            seen.add(mention.finding)
            yield mention.finding, attention[words].mean(axis=0).reshape(edge, edge)


def _class_maps(generator: Generator, row: int) -> NDArray[np.float32]:
    features = torch.from_numpy(np.asarray(generator.features[row : row + 1], dtype=np.float32))
    with torch.inference_mode():
        maps: NDArray[np.float32] = generator.model.trunk.classify(features).class_maps[0].numpy()
    return maps


def _inside(heat: NDArray[np.float32], mask: NDArray[np.bool_]) -> bool:
    """Whether the centre of the hottest cell of a map over the whole square image lies in the mask."""
    y, x = np.unravel_index(int(heat.argmax()), heat.shape)
    return bool(mask[int((y + 0.5) / heat.shape[0] * mask.shape[0]), int((x + 0.5) / heat.shape[1] * mask.shape[1])])
