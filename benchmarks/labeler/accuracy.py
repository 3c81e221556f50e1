"""F1 on the gold reports under both protocols and by label, what the graph adds to surface rules, and attributes."""

from collections.abc import Mapping, Sequence
from unittest.mock import patch

import numpy as np
from scipy.stats import binomtest

from benchmarks.labeler.gold import DATA, Gold
from benchmarks.record import Row, line
from cxr.evaluation import Estimate
from nlp_labeler.cues import CueMatch
from nlp_labeler.document import Mention, ReportLabels
from nlp_labeler.evaluate import Interval, LabelScore, Scores, positives, score
from nlp_labeler.evaluate_attributes import evaluate_attributes
from nlp_labeler.findings import CHESTXRAY8, NO_FINDING
from nlp_labeler.labeler import Labeler
from nlp_labeler.words import Words

__all__ = ["ablation_rows", "accuracy_rows", "headline_rows", "predicted", "qualifier_rows"]

NINE = (*CHESTXRAY8, NO_FINDING)


def predicted(labeler: Labeler, texts: tuple[str, ...]) -> np.ndarray:
    """Bool (N, 9): the positive labels of every report, the eight and then No Finding."""
    return positives([result.labels for result in labeler.pipe(texts)], NINE)


def accuracy_rows(gold: Gold, found: np.ndarray) -> list[Row]:
    """Both protocols and the table of the labels."""
    everything = score(gold.positive, found[:, :-1], CHESTXRAY8)
    normal = score(gold.normal[:, None], found[:, -1:], (NO_FINDING,))
    rows = headline_rows("labeler", "all reports, eight labels", everything)
    unsaid = ~found[:, :-1].any(axis=1, keepdims=True)
    readings = {"none of the eight": unsaid, "the No Finding column": found[:, -1:]}
    for reading, normal_found in readings.items():
        name = f"any of the eight or normal, nine labels; Normal is {reading}"
        rows += headline_rows("labeler", name, subset(gold, np.hstack([found[:, :-1], normal_found])))
    rows += f1_line("labeler", "No Finding, all reports", {"micro F1": normal.micro_f1}, len(gold.ids))
    for name, label in (everything.per_label | normal.per_label).items():
        rows += label_rows(name, label)
    return rows


def subset(gold: Gold, found: np.ndarray) -> Scores:
    """The scores that resemble the paper's table: Normal as a ninth label, only reports coded for one of the nine.

    Systems that know the eight labels alone can only call normal what has none of them. The No Finding column says
    more, that nothing at all is abnormal, and nothing of a report without a word: it is bound to score lower here.
    """
    kept = gold.coded()
    return score(np.column_stack([gold.positive, gold.normal])[kept], found[kept], NINE)


def headline_rows(table: str, name: str, scores: Scores) -> list[Row]:
    """Micro and macro F1 with their intervals."""
    return f1_line(table, name, {"micro F1": scores.micro_f1, "macro F1": scores.macro_f1}, scores.n_reports)


def f1_line(table: str, name: str, figures: Mapping[str, Interval], n: int) -> list[Row]:
    """Figures with their bootstrap intervals over reports."""
    note = "uncertain scored as not positive"
    return line(table, name, figures, n=n, unit_of_n="reports", data=DATA, interval="bootstrap by report", note=note)


def label_rows(name: str, label: LabelScore) -> list[Row]:
    """Precision, recall and F1 of one label."""
    figures = {"precision": label.precision, "recall": label.recall, "F1": label.f1}
    return line("labeler per label", name, figures, n=label.n_gold, unit_of_n="gold positives", data=DATA)


def ablation_rows(gold: Gold) -> list[Row]:
    """F1 on all reports with the surface rules, with the graph rules, and with both, which is the graph engine."""
    found_by = {
        "surface rules": predicted(Labeler.load(engine="surface"), gold.texts),
        "graph rules": graph_alone(gold.texts),
        "graph and surface rules": predicted(Labeler.load(engine="graph"), gold.texts),
    }
    rows: list[Row] = []
    for name, found in found_by.items():
        rows += headline_rows("labeler ablation", name, score(gold.positive, found[:, :-1], CHESTXRAY8))
        normal = score(gold.normal[:, None], found[:, -1:], (NO_FINDING,))
        rows += f1_line("labeler ablation", name, {"No Finding F1": normal.micro_f1}, len(gold.ids))
    return rows


def has_cue(_words: Words, mentions: Sequence[Mention], cues: Sequence[CueMatch]) -> bool:
    """Whether a sentence holds a mention and a cue, and so has anything to parse for."""
    return bool(mentions and cues)


def graph_alone(texts: tuple[str, ...]) -> np.ndarray:
    """Bool (N, 9): the positive labels with the surface scopes taken out: every cue acts by the parse or not at all."""
    without_scopes = patch("nlp_labeler.graph.covers", return_value=False)
    parse_all = patch("nlp_labeler.analysis.leaves_choice", has_cue)
    with without_scopes, parse_all:
        return predicted(Labeler.load(engine="graph"), texts)


def qualifier_rows(gold: Gold, results: list[ReportLabels]) -> list[Row]:
    """Severity, side and zone against the qualifiers of MeSH headings (``Pleural Effusion/left/small``)."""
    rows: list[Row] = []
    for attribute, found in evaluate_attributes(gold.codes, results).items():
        for metric, n, unit in (
            ("precision", found.n_predicted, "values found"),
            ("recall", found.n_gold, "values coded"),
        ):
            low, high = binomtest(found.n_agreed, n).proportion_ci(method="wilson")
            rows += line(
                "labeler attributes",
                attribute,
                {metric: Estimate(found.n_agreed / n, low, high)},
                n=n,
                unit_of_n=unit,
                data=f"{DATA}, qualifiers of MeSH headings",
                interval="Wilson",
                note="findings that are both coded and labeled positive",
            )
    return rows
