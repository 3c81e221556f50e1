"""The pointing game: does the place that was looked at most lie inside the finding's true mask?"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.record import Row
from benchmarks.tienet.cohort import DATA, Cohort
from benchmarks.tienet.trained import Generator, Said
from cxr.evaluation.bootstrap import Estimate
from nlp_labeler.document import Assertion
from nlp_labeler.findings import CHESTXRAY8
from nlp_labeler.labeler import Labeler

__all__ = ["pointing_rows"]

_PRESENT = {Assertion.AFFIRMED, Assertion.UNCERTAIN}


def pointing_rows(cohort: Cohort, generator: Generator, said: Said) -> list[Row]:
    """Share of hits of word attention and of class heatmaps on the same findings: those true, masked and said."""
    reader = Labeler.load(policy="openi", engine="surface")
    space = generator.model.card.label_space
    hits: list[tuple[bool, bool]] = []
    for row, image in enumerate(cohort.images):
        spoken = dict(_attended(reader, generator, said, row))
        masks = {name: cohort.mask(image, name) for name in spoken}
        wanted = {name: mask for name, mask in masks.items() if mask is not None}
        if not wanted:
            continue
        maps = _class_maps(generator, row)
        hits += [(_inside(spoken[name], mask), _inside(maps[space.index(name)], mask)) for name, mask in wanted.items()]
    scores = np.array(hits, dtype=float)
    return [
        Row(
            table="tienet-pointing",
            row=name,
            metric="peak inside the true mask",
            value=float(scores[:, column].mean()),
            low=_interval(scores[:, column]).low,
            high=_interval(scores[:, column]).high,
            n=len(scores),
            unit_of_n="findings that are true and said",
            data=DATA,
        )
        for column, name in enumerate(("word attention", "class heatmap"))
    ]


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


def _interval(hits: NDArray[np.float64]) -> Estimate:
    """Clopper-Pearson."""
    from scipy.stats import binomtest

    found = binomtest(int(hits.sum()), len(hits)).proportion_ci()
    return Estimate(float(hits.mean()), float(found.low), float(found.high))
