"""F1 on the gold reports under both protocols, label by label, and what the dependency graph adds to surface rules."""

import numpy as np

from benchmarks.labeler.gold import DATA, Gold
from benchmarks.record import Row
from nlp_labeler.evaluate import Interval, LabelScore, Scores, positives, score
from nlp_labeler.findings import CHESTXRAY8, NO_FINDING
from nlp_labeler.labeler import Labeler

__all__ = ["ablation_rows", "accuracy_rows", "headline_rows", "predicted"]

NINE = (*CHESTXRAY8, NO_FINDING)


def predicted(labeler: Labeler, texts: tuple[str, ...]) -> np.ndarray:
    """Bool (N, 9): the positive labels of every report, the eight and then No Finding."""
    return positives([result.labels for result in labeler.pipe(texts)], NINE)


def accuracy_rows(gold: Gold, found: np.ndarray) -> list[Row]:
    """Both protocols and the table of the labels."""
    everything = score(gold.positive, found[:, :-1], CHESTXRAY8)
    normal = score(gold.normal[:, None], found[:, -1:], (NO_FINDING,))
    rows = headline_rows("labeler", "all reports, eight labels", everything)
    rows += headline_rows("labeler", "any of the eight or normal, nine labels", subset(gold, found))
    rows.append(row("labeler", "No Finding, all reports", "micro F1", normal.micro_f1, len(gold.ids)))
    for name, label in (everything.per_label | normal.per_label).items():
        rows += label_rows(name, label)
    return rows


def subset(gold: Gold, found: np.ndarray) -> Scores:
    """The scores that resemble the paper's table: Normal as a ninth label, only reports coded for one of the nine."""
    kept = gold.coded()
    return score(np.column_stack([gold.positive, gold.normal])[kept], found[kept], NINE)


def headline_rows(table: str, name: str, scores: Scores) -> list[Row]:
    """Micro and macro F1 with their intervals."""
    return [
        row(table, name, "micro F1", scores.micro_f1, scores.n_reports),
        row(table, name, "macro F1", scores.macro_f1, scores.n_reports),
    ]


def row(table: str, name: str, metric: str, interval: Interval, n: int) -> Row:
    """A figure with its bootstrap interval over reports."""
    return Row(
        table=table,
        row=name,
        metric=metric,
        value=interval.value,
        low=interval.low,
        high=interval.high,
        n=n,
        unit_of_n="reports",
        data=DATA,
        note="uncertain scored as not positive",
    )


def label_rows(name: str, label: LabelScore) -> list[Row]:
    """Precision, recall and F1 of one label."""
    values = {"precision": label.precision, "recall": label.recall, "F1": label.f1}
    return [
        Row(
            table="labeler per label",
            row=name,
            metric=metric,
            value=value,
            n=label.n_gold,
            unit_of_n="gold positives",
            data=DATA,
        )
        for metric, value in values.items()
    ]


def ablation_rows(gold: Gold, engines: dict[str, Labeler]) -> list[Row]:
    """F1 on all reports of every engine, under one policy."""
    rows: list[Row] = []
    for name, labeler in engines.items():
        found = predicted(labeler, gold.texts)
        rows += headline_rows("labeler ablation", name, score(gold.positive, found[:, :-1], CHESTXRAY8))
        normal = score(gold.normal[:, None], found[:, -1:], (NO_FINDING,))
        rows.append(row("labeler ablation", name, "No Finding F1", normal.micro_f1, len(gold.ids)))
    return rows
