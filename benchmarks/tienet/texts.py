"""Generated reports beside three baselines: the same normal report for all, the nearest neighbour's, the template's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.localization.methods import SEEDS
from benchmarks.record import Row, line, over_seeds
from benchmarks.tienet.cohort import Cohort
from benchmarks.tienet.trained import Generator, Said
from cxr.evaluation.bootstrap import Estimate, bootstrap, estimates
from cxr.evaluation.report_metrics import clinical_efficacy, stated_findings, text_metrics
from cxr.models.classifier import ChestXray8Network
from cxr.training.report.heads import feature_batches
from cxr.training.report.texts import teachable_rows
from nlp_labeler.findings import CHESTXRAY8
from nlp_labeler.labeler import Labeler

__all__ = ["always_normal", "f1_gain", "nearest_neighbour", "text_rows"]

NORMAL = "FINDINGS: The heart is normal in size. The lungs are clear. No pleural effusion or pneumothorax.\n"
NORMAL += "IMPRESSION: No acute cardiopulmonary disease."


def text_rows(
    cohort: Cohort, readers: Sequence[Generator], said: Sequence[Said], templates: Mapping[str, Sequence[Sequence[str]]]
) -> list[Row]:
    """Clinical efficacy against the truth, and closeness to the real words, per way of writing.

    Args:
        cohort: whose held-out patients are reported on.
        readers: a generator per training seed, by whose classifiers neighbours are found.
        said: what each of them said.
        templates: name -> what classifiers alone say, a run per seed.
    """
    _, told = teachable_rows(cohort.dataset.subset("train"))
    baselines: dict[str, Sequence[Sequence[str]]] = {
        "always normal": [always_normal(len(cohort.images))],
        "nearest neighbour": [
            nearest_neighbour(reader.model.classifier, reader.train_features, told, reader.features)
            for reader in readers
        ],
        **templates,
    }
    ways = {"TieNet": [one.texts for one in said], **baselines}
    stated = {name: [_stated(texts) for texts in runs] for name, runs in ways.items()}
    patients = list(cohort.test.records["patient"])
    rows: list[Row] = []
    for name, runs in ways.items():
        scored = [efficacy_and_text(texts, cohort.reports, cohort.truth) for texts in runs]
        figures = {metric: over_seeds([score[metric] for score in scored]) for metric in scored[0]}
        seeds = SEEDS[: len(runs)] if len(runs) > 1 else ()
        rows += _line(cohort, name, figures, interval="range over seeds", seeds=seeds)
    for name in baselines:
        gain = f1_gain(cohort.truth, stated["TieNet"], stated[name], patients)
        note = "mean over the seeds; the interval is over patients"
        rows += _line(cohort, f"TieNet minus {name}", {"clinical F1": gain}, seeds=SEEDS, note=note)
    return rows


def _line(cohort: Cohort, name: str, figures: Mapping[str, float | Estimate], **about: Any) -> list[Row]:
    n = len(cohort.images)
    return line("tienet-text", name, figures, n=n, unit_of_n="reports", data=cohort.data, **about)


def _stated(texts: Sequence[str]) -> NDArray[np.bool_]:
    """(N, 8) what texts assert."""
    return stated_findings(Labeler.load(policy="openi", engine="surface").label_batch(list(texts)), CHESTXRAY8)


def efficacy_and_text(texts: Sequence[str], references: Sequence[str], truth: NDArray[np.bool_]) -> dict[str, float]:
    """Figures of one set of reports; words are compared where there is a reference."""
    found = clinical_efficacy(truth, _stated(texts))
    words = text_metrics(texts, references)
    return {
        "clinical F1": found.f1,
        "precision": found.precision,
        "recall": found.recall,
        "macro F1": found.macro_f1,
        "BLEU-1": words.bleu_1,
        "BLEU-2": words.bleu_2,
        "BLEU-3": words.bleu_3,
        "BLEU-4": words.bleu_4,
        "METEOR": words.meteor,
        "ROUGE-L": words.rouge_l,
        "CIDEr": words.cider,
        "words": words.length,
        "distinct": words.distinct,
    }


def always_normal(count: int) -> list[str]:
    """The same normal report for everyone."""
    return [NORMAL] * count


def nearest_neighbour(
    classifier: ChestXray8Network,
    library: NDArray[np.float16],
    texts: Sequence[str],
    queries: NDArray[np.float16],
) -> list[str]:
    """For each query the report of the training image that the classifier embeds nearest (cosine).

    Args:
        classifier: whose features these are.
        library: (M, channels, S, S) of the training images.
        texts: M reports.
        queries: (N, channels, S, S) of held-out images.
    """
    nearest = (_embeddings(classifier, queries) @ _embeddings(classifier, library).T).argmax(axis=1)
    return [texts[int(row)] for row in nearest]


def _embeddings(classifier: ChestXray8Network, features: NDArray[np.float16]) -> NDArray[np.float32]:
    """(N, D), of length 1."""
    with torch.inference_mode():
        parts = [classifier.classify(batch).embedding.numpy() for _, batch in feature_batches(features)]
    found = np.concatenate(parts)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def f1_gain(
    truth: NDArray[np.bool_],
    runs: Sequence[NDArray[np.bool_]],
    others: Sequence[NDArray[np.bool_]],
    patients: Sequence[str],
) -> Estimate:
    """Mean micro F1 of several runs' (N, 8) statements minus that of others' runs, with its interval."""

    def f1(stated: NDArray[np.bool_], weights: NDArray[np.float32]) -> NDArray[np.float64]:
        hits, all_ = (truth & stated).sum(axis=1), truth.sum(axis=1) + stated.sum(axis=1)
        return np.asarray(2 * (weights @ hits) / np.maximum(weights @ all_, 1))

    def mean(several: Sequence[NDArray[np.bool_]], weights: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(np.mean([f1(stated, weights) for stated in several], axis=0))

    def gain(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        return (mean(runs, weights) - mean(others, weights))[:, None]

    return estimates(bootstrap(gain, patients))[0]
