"""How names and numbers are written for people, the same in every output."""

import math
from collections.abc import Mapping
from types import MappingProxyType

from cxr.reporting.document import CertifiedDecision
from nlp_labeler.findings import finding_entry

__all__ = ["TRIAGE_MEANINGS", "TRIAGE_TITLES", "bar_length", "decision_line", "finding_title", "percent"]

TRIAGE_TITLES: Mapping[str, str] = MappingProxyType({"refer": "Refer", "read": "Read", "none": "Below threshold"})
"""Triage state -> short title."""

TRIAGE_MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "refer": "Above a threshold that few people without the finding exceed",
        "read": "A person must read it: certified neither for referral nor for ruling out",
        "none": "Nothing above its threshold; this does not exclude disease",
    }
)
"""Triage state -> what it means."""


def finding_title(name: str) -> str:
    """A label as people read it: ``Pleural_Thickening`` -> ``Pleural thickening``."""
    return name.replace("_", " ").capitalize()


def decision_line(decision: CertifiedDecision) -> str:
    """``Ruled out: pleural effusion or edema (misses <= 5%)``."""
    said = "Ruled out" if decision.decision == "below" else "Referred for"
    error = "misses" if decision.decision == "below" else "false positives"
    named = " or ".join(finding_entry(name).bare_noun for name in decision.findings)
    return f"{said}: {named} ({error} <= {100 * decision.limit:g}%)"


def percent(probability: float) -> str:
    """A probability in [0, 1] as a percentage that never rounds to certainty."""
    if probability < 0.01:
        return "<1%"
    if probability > 0.99:
        return ">99%"
    return f"{100 * probability:.0f}%"


def bar_length(probability: float) -> float:
    """Length of a probability's bar in percent of its track, on a square-root scale: most probabilities are small."""
    return round(100 * math.sqrt(probability), 1)
