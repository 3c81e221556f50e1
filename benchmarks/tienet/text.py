"""Generated reports beside three baselines: the same normal report for all, the nearest neighbour's, the template's."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import Row
from benchmarks.tienet.baselines import always_normal, nearest_neighbour
from benchmarks.tienet.cohort import Cohort
from benchmarks.tienet.trained import Generator, Said
from cxr.evaluation.clinical_efficacy import clinical_efficacy, stated_findings
from cxr.evaluation.report_metrics import text_metrics
from cxr.training.dataset_reports import teachable_rows
from nlp_labeler.findings import CHESTXRAY8
from nlp_labeler.labeler import Labeler

__all__ = ["efficacy_and_text", "text_rows"]


def text_rows(cohort: Cohort, reader: Generator, said: Sequence[Said], template: Sequence[str]) -> list[Row]:
    """Clinical efficacy against the truth, and closeness to the real words, per way of writing.

    Args:
        cohort: whose held-out patients are reported on.
        reader: by whose trunk neighbours are found.
        said: what the generator said with each training seed.
        template: what the classifier alone says.
    """
    _, told = teachable_rows(cohort.dataset.subset("train"))
    sources: dict[str, list[list[str]]] = {
        "TieNet": [one.texts for one in said],
        "always normal": [always_normal(len(cohort.images))],
        "nearest neighbour": [nearest_neighbour(reader.model.trunk, reader.train_features, told, reader.features)],
        "template": [list(template)],
    }
    rows: list[Row] = []
    for name, runs in sources.items():
        scored = [efficacy_and_text(texts, cohort.reports, cohort.truth) for texts in runs]
        note = f"mean over {len(runs)} training seeds" if len(runs) > 1 else ""
        rows += [
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
    return rows


def efficacy_and_text(texts: Sequence[str], references: Sequence[str], truth: NDArray[np.bool_]) -> dict[str, float]:
    """Figures of one set of reports; words are compared where there is a reference."""
    reports = Labeler.load(policy="openi", engine="surface").label_batch(list(texts))
    found = clinical_efficacy(truth, stated_findings(reports, CHESTXRAY8))
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
