"""Train the annotation cascade on what the labeler mined: one sequence per finding that a report affirms."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from cxr.datasets.dataset import Dataset
from cxr.errors import DatasetError
from cxr.models.annotation_cascade import CONTEXT, WORDS, AnnotationCascade, look_at
from cxr.models.classifier import ChestXray8Network

__all__ = ["Annotations", "context_words", "looks", "mined_annotations", "train_cascade"]

_HIDDEN = 64
_STEPS = 300
_RATE, _DECAY = 3e-3, 1e-2
_BATCH = 64


@dataclass(frozen=True)
class Annotations:
    """M findings with their context.

    Attributes:
        rows: (M,) row of the image in the records.
        findings: (M,) index in the label space.
        words: (M, 3) number of the word in each slot; 0 where nothing is said.
    """

    rows: NDArray[np.int64]
    findings: NDArray[np.int64]
    words: NDArray[np.int64]


def context_words(mention: Mapping[str, str | None]) -> tuple[int, ...]:
    """The word of each slot of a mention, 0 for words that are not in it."""
    said = (mention.get(slot) or "" for slot in CONTEXT)
    return tuple(
        WORDS.index(word) if word in allowed else 0 for word, allowed in zip(said, CONTEXT.values(), strict=True)
    )


def mined_annotations(dataset: Dataset, label_space: Sequence[str]) -> Annotations:
    """The affirmed findings of a dataset's reports; of several mentions each slot takes the first word said.

    Raises:
        DatasetError: if no report affirms a finding of the label space.
    """
    found = list(_sequences(dataset, label_space))
    if not found:
        raise DatasetError(f"{dataset.root}: no report affirms a finding of the label space")
    rows, findings, words = zip(*found, strict=True)
    return Annotations(np.array(rows), np.array(findings), np.array(words))


def _sequences(dataset: Dataset, label_space: Sequence[str]) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    if dataset.reports is None:
        return
    mentions = dict(zip(dataset.reports["image"], dataset.reports["mentions"], strict=True))
    for row, image in enumerate(dataset.records["image"]):
        spoken: dict[str, tuple[int, ...]] = {}
        for mention in mentions.get(image, ()):
            name = mention["finding"]
            if name in label_space and mention["assertion"] == "affirmed":
                words, before = context_words(mention), spoken.get(name, (0,) * len(CONTEXT))
                spoken[name] = tuple(old or new for old, new in zip(before, words, strict=True))
        yield from ((row, label_space.index(name), words) for name, words in spoken.items())


def looks(trunk: ChestXray8Network, features: NDArray[np.float16], annotations: Annotations) -> Tensor:
    """(M, D + 16) what the cascade sees of each finding."""
    parts = []
    with torch.inference_mode():
        for first in range(0, len(annotations.rows), _BATCH):
            chosen = slice(first, first + _BATCH)
            batch = torch.from_numpy(np.asarray(features[annotations.rows[chosen]], dtype=np.float32))
            maps = trunk.classify(batch).class_maps
            parts.append(look_at(batch, maps[torch.arange(len(batch)), torch.tensor(annotations.findings[chosen])]))
    return torch.cat(parts)


def train_cascade(
    trunk: ChestXray8Network, features: NDArray[np.float16], annotations: Annotations, *, seed: int
) -> AnnotationCascade:
    """Fit a cascade on the features of a frozen trunk; a slot of which nothing is said does not count.

    Args:
        trunk: whose class maps say where to look.
        features: (N, D, S, S) of the images.
        annotations: of the same images.
        seed: of weights and order.
    """
    torch.manual_seed(seed)
    look = looks(trunk, features, annotations).clone()
    disease, words = torch.from_numpy(annotations.findings), torch.from_numpy(annotations.words)
    model = AnnotationCascade(look.shape[1], trunk.prediction.out_features, _HIDDEN)
    optimizer = torch.optim.AdamW(model.parameters(), lr=_RATE, weight_decay=_DECAY)
    for _ in range(_STEPS):
        batch = torch.randint(len(look), (_BATCH,))
        logits = model(look[batch], disease[batch], words[batch])
        loss = cross_entropy(logits.transpose(1, 2), words[batch], ignore_index=0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()
