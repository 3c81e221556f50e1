"""Small pieces of wording that every part of the report shares."""

from collections.abc import Iterable, Sequence

from cxr.reporting.finding import FindingResult
from cxr.reporting.location import Side, Zone
from cxr.reporting.phrases import load_phrases
from nlp_labeler.findings import PARENT

__all__ = ["in_ontology_order", "listed", "noun", "percent", "where"]

_ONTOLOGY_ORDER = {node: rank for rank, node in enumerate(PARENT)}
_SIDE_WORDS: dict[Side | None, str] = {
    None: "",
    "left": " on the left",
    "right": " on the right",
    "midline": " near the midline",
    "bilateral": " on both sides",
}


def in_ontology_order(findings: Iterable[FindingResult]) -> list[FindingResult]:
    """A finding follows the more general one it belongs to."""
    return sorted(findings, key=lambda finding: _ONTOLOGY_ORDER[finding.name])


def noun(finding: str) -> str:
    """The finding's noun without its article, as it stands after 'no'."""
    return load_phrases().finding[finding].noun.removeprefix("a ").removeprefix("an ")


def listed(words: Sequence[str], conjunction: str) -> str:
    """``a, b and c``."""
    return f" {conjunction} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def percent(probability: float) -> str:
    """A probability in [0, 1] in words that never round to certainty."""
    if probability < 0.01:
        return "below 1%"
    if probability > 0.99:
        return "above 99%"
    return f"{100 * probability:.0f}%"


def where(side: Side | None, zones: Sequence[Zone]) -> str:
    """``" in the left upper zone"``; empty where neither says anything."""
    if not zones:
        return _SIDE_WORDS[side]
    plural = "s" if len(zones) > 1 else ""
    if side in ("left", "right"):
        return f" in the {side} {listed(zones, 'and')} zone{plural}"
    return f" in the {listed(zones, 'and')} zone{plural}{_SIDE_WORDS[side]}"
