"""AUC of R, I+R, I+GR and I, each by its own call, over seeds."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from benchmarks.localization.methods import SEEDS
from benchmarks.record import Row, line, over_seeds
from benchmarks.tienet.cohort import Cohort
from benchmarks.tienet.trained import Generator
from cxr.evaluation.ranking import roc_auc
from cxr.training.report.decode import greedy_reports
from cxr.training.report.heads import feature_batches
from cxr.training.report.tokenizer import encode
from nlp_labeler.findings import CHESTXRAY8

__all__ = ["mode_rows"]

IMAGE = "I"
"""A classifier that was trained on images and labels alone, without text: the paper's comparison is with this one."""

WORDLESS = "I+GR, trained without words"
"""What is left of the gain when the words taught nothing, so that what is generated says nothing either."""

OWN_IMAGE = "I of the same TieNet"
"""Its image head over the classifier that words have taught: what is left of the gain without a generated report."""


def mode_rows(cohort: Cohort, taught: Sequence[Generator], wordless: Sequence[Generator]) -> list[Row]:
    """Mean AUC of the eight per mode: mean over seeds, and their range.

    Args:
        cohort: whose held-out patients are scored.
        taught: a generator per seed, over a classifier that has learned from labels and words.
        wordless: the same, whose only teacher were the labels, as they were its classifier's: what text adds is what
            these lack.
    """
    with_words = [_aucs(cohort, generator) for generator in taught]
    without = [_aucs(cohort, generator) for generator in wordless]
    scores = {mode: [found[mode] for found in with_words] for mode in ("R", "I+R", "I+GR")}
    scores |= {
        IMAGE: [found["classifier"] for found in without],
        WORDLESS: [found["I+GR"] for found in without],
        OWN_IMAGE: [found["I"] for found in with_words],
    }
    for other in (IMAGE, WORDLESS, OWN_IMAGE):
        gains = [one - two for one, two in zip(scores["I+GR"], scores[other], strict=True)]
        scores[f"I+GR minus {other}"] = gains
    return [
        row
        for mode, values in scores.items()
        for row in line(
            "tienet-auc",
            mode,
            {"mean AUC of 8": over_seeds(values)},
            n=len(cohort.images),
            unit_of_n="images",
            data=cohort.data,
            interval="range over seeds",
            seeds=SEEDS,
            note="mean over trainings of classifier and generator",
        )
    ]


def _aucs(cohort: Cohort, generator: Generator) -> dict[str, float]:
    """Mean AUC of TieNet's four modes and of its classifier."""
    model = generator.model.tienet
    tokenizer = Tokenizer.from_file(str(generator.run / "tokenizer.json"))
    words = torch.from_numpy(encode(tokenizer, cohort.reports, generator.model.card.longest))
    found: dict[str, list[torch.Tensor]] = {"R": [], "I+R": [], "I+GR": [], "I": [], "classifier": []}
    with torch.inference_mode():
        for rows, features in feature_batches(generator.features):
            patches = model.patch_features(features)
            generated = greedy_reports(model, generator.vocabulary, patches, generator.model.card.longest)
            found["R"].append(model.classify_report(patches, words[rows]))
            found["I+R"].append(model.classify_image_and_report(model.embed(patches, words[rows])))
            found["I+GR"].append(
                model.classify_image_and_generated(model.ensemble_logits(patches, model.embed(patches, generated)))
            )
            found["I"].append(model.classify_image(patches))
            found["classifier"].append(generator.model.classifier.classify(features).logits)
    space = generator.model.card.label_space
    return {mode: _mean_auc(cohort.truth, torch.cat(parts).numpy(), space) for mode, parts in found.items()}


def _mean_auc(truth: NDArray[np.bool_], logits: NDArray[np.float32], label_space: Sequence[str]) -> float:
    columns = [(row, label_space.index(name)) for row, name in enumerate(CHESTXRAY8) if name in label_space]
    return fmean(roc_auc(truth[:, row].astype(np.float32), logits[:, column]) for row, column in columns)
