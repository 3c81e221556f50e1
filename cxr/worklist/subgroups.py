"""Whether one group of patients is referred more often than all."""

from collections.abc import Sequence
from dataclasses import dataclass

from cxr.operating_points import Proportion
from cxr.worklist.case import Case

__all__ = ["Subgroup", "subgroups"]

_AGE_BANDS = ((0, 18), (18, 40), (40, 65), (65, 200))


@dataclass(frozen=True)
class Subgroup:
    """Share referred in one group; ``flagged`` if its interval excludes the share of all."""

    attribute: str
    value: str
    referred: Proportion
    flagged: bool


def subgroups(screened: Sequence[Case]) -> tuple[Subgroup, ...]:
    """Share referred by sex, view and age, where the files say them."""
    if not screened:
        return ()
    overall = sum(case.triage == "refer" for case in screened) / len(screened)
    groups: dict[tuple[str, str], list[Case]] = {}
    for case in screened:
        for attribute, value in _attributes(case):
            groups.setdefault((attribute, value), []).append(case)
    found = []
    for (attribute, value), members in sorted(groups.items()):
        share = Proportion.of(sum(case.triage == "refer" for case in members), len(members))
        found.append(Subgroup(attribute, value, share, not share.low <= overall <= share.high))
    return tuple(found)


def _attributes(case: Case) -> list[tuple[str, str]]:
    subject = case.subject
    found = [("sex", subject.sex), ("view", subject.view)]
    if subject.age is not None:
        low, high = next((band for band in _AGE_BANDS if band[0] <= subject.age < band[1]), _AGE_BANDS[-1])
        found.append(("age", f"{low}-{high - 1}" if high < 200 else f"{low}+"))
    return [(attribute, value) for attribute, value in found if value]
