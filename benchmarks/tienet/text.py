"""Generated reports beside three baselines: the same normal report for all, the nearest neighbour's, the template's."""

from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import Row
from benchmarks.tienet.baselines import always_normal, nearest_neighbour
from benchmarks.tienet.cohort import Cohort
from benchmarks.tienet.f1_gain import f1_gain
from benchmarks.tienet.trained import Generator, Said
from cxr.evaluation.clinical_efficacy import clinical_efficacy, stated_findings
from cxr.evaluation.report_metrics import text_metrics
from cxr.training.shared.report_texts import teachable_rows
from nlp_labeler.findings import CHESTXRAY8
from nlp_labeler.labeler import Labeler

__all__ = ["efficacy_and_text", "text_rows"]


def text_rows(
    cohort: Cohort, readers: Sequence[Generator], said: Sequence[Said], templates: Mapping[str, Sequence[Sequence[str]]]
) -> list[Row]:
    """Clinical efficacy against the truth, and closeness to the real words, per way of writing.

    Args:
        cohort: whose held-out patients are reported on.
        readers: a generator per training seed, by whose trunks neighbours are found.
        said: what each of them said.
        templates: name -> what classifiers alone say, a run per seed.
    """
    _, told = teachable_rows(cohort.dataset.subset("train"))
    baselines: dict[str, Sequence[Sequence[str]]] = {
        "always normal": [always_normal(len(cohort.images))],
        "nearest neighbour": [
            nearest_neighbour(reader.model.trunk, reader.train_features, told, reader.features) for reader in readers
        ],
        **templates,
    }
    generated = [one.texts for one in said]
    rows = _figures(cohort, "TieNet", generated)
    stated = [_stated(texts) for texts in generated]
    patients = list(cohort.test.records["patient"])
    gains = []
    for name, runs in baselines.items():
        rows += _figures(cohort, name, runs)
        gain = f1_gain(cohort.truth, stated, [_stated(texts) for texts in runs], patients)
        gains.append(
            Row(
                table="tienet-text",
                row=f"TieNet minus {name}",
                metric="clinical F1",
                value=gain.value,
                low=gain.low,
                high=gain.high,
                n=len(cohort.images),
                unit_of_n="reports",
                data=cohort.data,
                note=f"mean over {len(said)} training seeds; the interval is over patients",
            )
        )
    return rows + gains


def _figures(cohort: Cohort, name: str, runs: Sequence[Sequence[str]]) -> list[Row]:
    """Every figure of one way of writing; of several runs their mean and range."""
    scored = [efficacy_and_text(texts, cohort.reports, cohort.truth) for texts in runs]
    note = f"mean over {len(runs)} training seeds, and their range" if len(runs) > 1 else ""
    return [
        Row(
            table="tienet-text",
            row=name,
            metric=metric,
            value=fmean(score[metric] for score in scored),
            low=min(score[metric] for score in scored) if len(runs) > 1 else None,
            high=max(score[metric] for score in scored) if len(runs) > 1 else None,
            n=len(cohort.images),
            unit_of_n="reports",
            data=cohort.data,
            note=note,
        )
        for metric in scored[0]
    ]


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
