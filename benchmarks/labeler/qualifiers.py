"""Severity, side and zone of the findings against the qualifiers of MeSH headings (``Pleural Effusion/left/small``).

Only findings that are both coded and found are compared, so that the figures are those of the attributes alone. A
finding may have several values (``left`` here, ``right`` there): values are compared as sets, pooled over reports.
"""

from collections.abc import Iterable

from scipy.stats import binomtest

from benchmarks.labeler.gold import DATA, Gold
from benchmarks.record import Row
from nlp_labeler.document import AssertedMention, Assertion, ReportLabels

__all__ = ["qualifier_rows"]

HEADINGS = {
    "Cardiomegaly": "Cardiomegaly",
    "Pulmonary Atelectasis": "Atelectasis",
    "Pleural Effusion": "Effusion",
    "Infiltrate": "Infiltration",
    "Mass": "Mass",
    "Nodule": "Nodule",
    "Pneumonia": "Pneumonia",
    "Pneumothorax": "Pneumothorax",
}
# The coders' words and the labeler's on one scale: MeSH calls a small effusion small, a mild cardiomegaly mild.
SEVERITY = {
    "minimal": {"mild"},
    "mild": {"mild"},
    "small": {"mild"},
    "borderline": {"mild"},
    "moderate": {"moderate"},
    "severe": {"severe"},
    "large": {"severe"},
}
SIDE = {"left": {"left"}, "right": {"right"}, "bilateral": {"left", "right"}}
ZONES = ("apex", "base", "hilum", "lingula", "lower lobe", "middle lobe", "retrocardiac", "upper lobe")
SCALES = {"severity": SEVERITY, "side": SIDE, "zone": {zone: {zone} for zone in ZONES}}

Value = tuple[int, str, str]  # report number, label, value


def qualifier_rows(gold: Gold, results: list[ReportLabels]) -> list[Row]:
    """Precision and recall of every attribute with Wilson intervals."""
    rows: list[Row] = []
    for attribute, scale in SCALES.items():
        coded = {
            (number, HEADINGS[finding], value)
            for number, headings in enumerate(gold.headings)
            for finding, *qualifiers in (heading.split("/") for heading in headings)
            if finding in HEADINGS
            for value in on_scale(scale, qualifiers)
        }
        found = {
            (number, str(mention.finding), value)
            for number, result in enumerate(results)
            for mention in affirmed(result)
            for value in on_scale(scale, [getattr(mention, attribute)])
        }
        both = findings_in_common(gold, results)
        coded = {value for value in coded if value[:2] in both}
        found = {value for value in found if value[:2] in both}
        agreed = len(coded & found)
        rows += [
            proportion(attribute, "precision", agreed, len(found), "values found"),
            proportion(attribute, "recall", agreed, len(coded), "values coded"),
        ]
    return rows


def on_scale(scale: dict[str, set[str]], words: Iterable[str | None]) -> set[str]:
    """The values that words stand for; words of other scales stand for none."""
    return set().union(*(scale.get(word or "", set()) for word in words))


def affirmed(result: ReportLabels) -> list[AssertedMention]:
    """The affirmed mentions of labels in one report."""
    return [m for m in result.mentions if m.assertion is Assertion.AFFIRMED and m.finding is not None]


def findings_in_common(gold: Gold, results: list[ReportLabels]) -> set[tuple[int, str]]:
    """Report number and label of the findings that are both coded and found."""
    coded = {
        (number, HEADINGS[heading.split("/")[0]])
        for number, headings in enumerate(gold.headings)
        for heading in headings
        if heading.split("/")[0] in HEADINGS
    }
    return coded & {(number, str(m.finding)) for number, result in enumerate(results) for m in affirmed(result)}


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
        note="findings of the eight that are both coded and found",
    )
