"""Which words of a training report say a finding, and in which part of the image they put it.

The labels of a report teach a classifier what is there; "in the left base" also teaches where, for nothing. The words
that say a finding are taught to look at the hot patches of its class map, but only in the part that the report names.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cxr.reporting.vocabulary import Vocabulary
from cxr.training.classifier.report_localization import ANYWHERE, PRESENT, quadrant_masks, quadrants_of
from nlp_labeler.findings import FindingTable
from nlp_labeler.labeler import Labeler

__all__ = ["NOTHING", "WordGrounding", "ground_words", "word_grounding_loss"]

NOTHING = -1
"""The label of a word that says no finding."""

_LEAST = 1e-6  # of attention, so that its logarithm is finite


@dataclass(frozen=True)
class WordGrounding:
    """Of each word of N reports, T words each, the start word first.

    Attributes:
        labels: (N, T) int64, the label that the word says is present; NOTHING for any other word.
        quadrants: (N, T) int64, where the report puts it, as of :mod:`cxr.training.classifier.report_localization`.
    """

    labels: NDArray[np.int64]
    quadrants: NDArray[np.int64]


def ground_words(
    words: NDArray[np.int64], vocabulary: Vocabulary, label_space: Sequence[str], labels: FindingTable | None = None
) -> WordGrounding:
    """Read the reports back and mark their words.

    Args:
        words: (N, T), the start word first, padded behind the end word.
        vocabulary: its words.
        label_space: names of the labels.
        labels: the label space of the dataset where it is the user's own.
    """
    said = WordGrounding(np.full_like(words, NOTHING), np.full_like(words, ANYWHERE))
    rendered = [vocabulary.render(row) for row in words.tolist()]
    read = Labeler.load(policy="openi", engine="surface", labels=labels).label_batch([text for text, _ in rendered])
    numbers = {name: number for number, name in enumerate(label_space)}
    for row, (report, (_, spans)) in enumerate(zip(read, rendered, strict=True)):
        for mention in report.mentions:
            if mention.finding not in numbers or mention.assertion not in PRESENT:
                continue
            at = [i for i, (start, end) in enumerate(spans) if start < mention.end and end > mention.start]
            said.labels[row, at] = numbers[mention.finding]
            said.quadrants[row, at] = quadrants_of(mention.side, mention.zone)
    return said


def word_grounding_loss(attention: Tensor, class_maps: Tensor, labels: Tensor, quadrants: Tensor) -> Tensor:
    """Cross-entropy between where finding words look and the finding's class map inside the part they name.

    Args:
        attention: (N, T, L); each row sums to 1.
        class_maps: (N, L, C) logits.
        labels: (N, T) of WordGrounding.
        quadrants: (N, T) of WordGrounding.

    Returns:
        The mean over the words that say a finding; 0 where no word does.
    """
    row, word = (labels != NOTHING).nonzero(as_tuple=True)
    if not len(row):
        return attention.new_zeros(())
    maps = class_maps[row, :, labels[row, word]]  # (M, L)
    inside = quadrant_masks(round(maps.shape[1] ** 0.5)).to(maps.device)[quadrants[row, word]]
    wanted = maps.masked_fill(~inside, -torch.inf).softmax(dim=-1)
    return -(wanted * attention[row, word].clamp(min=_LEAST).log()).sum(dim=-1).mean()
