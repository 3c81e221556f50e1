"""Scores severity, side and zone against the qualifiers of manual MeSH codes ("Pleural Effusion/left/small").

A qualifier value of a finding is one decision. Only findings count that are coded and labeled positive, so that what
is scored is the attribute and not the finding again. Values that the codes cannot express are left out; left and right
together are the same as bilateral.
"""

from collections.abc import Iterable, Sequence

from nlp_labeler.document import ReportLabels
from nlp_labeler.errors import LabelerError
from nlp_labeler.evaluate import LabelScore

__all__ = ["ATTRIBUTES", "evaluate_attributes", "mesh_attributes"]

ATTRIBUTES: tuple[str, ...] = ("severity", "side", "zone")
"""The attributes that MeSH qualifiers express."""

_HEADINGS = {
    "Cardiomegaly": "Cardiomegaly",
    "Pulmonary Atelectasis": "Atelectasis",
    "Pleural Effusion": "Effusion",
    "Infiltrate": "Infiltration",
    "Mass": "Mass",
    "Nodule": "Nodule",
    "Pneumonia": "Pneumonia",
    "Pneumothorax": "Pneumothorax",
    "Consolidation": "Consolidation",
    "Pulmonary Edema": "Edema",
    "Emphysema": "Emphysema",
    "Pulmonary Emphysema": "Emphysema",
    "Pulmonary Fibrosis": "Fibrosis",
    "Hernia, Hiatal": "Hernia",
}
_QUALIFIERS = {
    "severity": {
        "borderline": "mild",
        "mild": "mild",
        "small": "mild",
        "moderate": "moderate",
        "large": "severe",
        "severe": "severe",
    },
    "side": {"left": "left", "right": "right", "bilateral": "bilateral"},
    "zone": {
        zone: zone
        for zone in ("upper lobe", "middle lobe", "lower lobe", "lingula", "base", "apex", "hilum", "retrocardiac")
    },
}
# The codes have one word for slight findings.
_COARSER = {"severity": {"minimal": "mild"}, "side": {}, "zone": {}}

Value = tuple[str, str, str]
"""Finding, attribute, value."""


def mesh_attributes(codes: str) -> set[Value]:
    """The attribute values that a report's MeSH codes state, e.g. ``("Effusion", "side", "left")``.

    Args:
        codes: headings with qualifiers, separated by semicolons.
    """
    return _canonical(value for value in _coded(codes) if value[1])


def _coded(codes: str) -> Iterable[Value]:
    for code in codes.split(";"):
        heading, *qualifiers = code.strip().split("/")
        finding = _HEADINGS.get(heading)
        if finding is None:
            continue
        yield finding, "", ""
        for attribute, known in _QUALIFIERS.items():
            for qualifier in qualifiers:
                if qualifier in known:
                    yield finding, attribute, known[qualifier]


def evaluate_attributes(codes: Sequence[str], predicted: Sequence[ReportLabels]) -> dict[str, LabelScore]:
    """Precision, recall and F1 of every attribute.

    Args:
        codes: the MeSH codes of every report.
        predicted: the labels of the same reports.

    Raises:
        LabelerError: if the two differ in length.
    """
    if len(codes) != len(predicted):
        raise LabelerError(f"{len(codes)} reports with codes and {len(predicted)} with labels; need as many of each")
    counts = {attribute: [0, 0, 0] for attribute in ATTRIBUTES}
    for code, result in zip(codes, predicted, strict=True):
        findings = {value[0] for value in _coded(code)} & {name for name, label in result.labels.items() if label == 1}
        gold = {value for value in mesh_attributes(code) if value[0] in findings}
        guess = {value for value in _canonical(_stated(result)) if value[0] in findings}
        for attribute, tally in counts.items():
            true = {value for value in gold if value[1] == attribute}
            called = {value for value in guess if value[1] == attribute}
            tally[0] += len(true & called)
            tally[1] += len(true)
            tally[2] += len(called)
    return {attribute: LabelScore.from_counts(*tally) for attribute, tally in counts.items()}


def _canonical(values: Iterable[Value]) -> set[Value]:
    """Values with the side that a lingular finding has without saying so, and with both sides as bilateral."""
    found = set(values)
    found |= {(finding, "side", "left") for finding, _, value in found if value == "lingula"}
    for finding in {value[0] for value in found}:
        sides = {value for value in found if value[:2] == (finding, "side")}
        if len(sides) > 1:
            found = (found - sides) | {(finding, "side", "bilateral")}
    return found


def _stated(result: ReportLabels) -> Iterable[Value]:
    """The attribute values of the mentions that are not negated, in the vocabulary of the codes."""
    for mention in result.mentions:
        if mention.finding is None or mention.assertion in {"negated", "resolved", "hypothetical", "historical"}:
            continue
        for attribute in ATTRIBUTES:
            value = getattr(mention, attribute)
            value = _COARSER[attribute].get(value, value)
            if value in _QUALIFIERS[attribute].values():
                yield mention.finding, attribute, value
