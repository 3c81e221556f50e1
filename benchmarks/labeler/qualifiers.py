"""Severity, side and zone of the findings against the qualifiers of MeSH headings (``Pleural Effusion/left/small``)."""

from scipy.stats import binomtest

from benchmarks.labeler.gold import DATA, Gold
from benchmarks.record import Row
from nlp_labeler.document import ReportLabels
from nlp_labeler.evaluate_attributes import evaluate_attributes

__all__ = ["qualifier_rows"]


def qualifier_rows(gold: Gold, results: list[ReportLabels]) -> list[Row]:
    """Precision and recall of every attribute with Wilson intervals."""
    rows: list[Row] = []
    for attribute, score in evaluate_attributes(gold.codes, results).items():
        rows += [
            proportion(attribute, "precision", score.n_agreed, score.n_predicted, "values found"),
            proportion(attribute, "recall", score.n_agreed, score.n_gold, "values coded"),
        ]
    return rows


def proportion(attribute: str, metric: str, agreed: int, n: int, unit: str) -> Row:
    """One proportion with its 95 % interval."""
    low, high = binomtest(agreed, n).proportion_ci(method="wilson")
    return Row(
        table="labeler attributes",
        row=attribute,
        metric=metric,
        value=agreed / n,
        low=low,
        high=high,
        n=n,
        unit_of_n=unit,
        data=f"{DATA}, qualifiers of MeSH headings",
        note="findings that are both coded and labeled positive",
    )
