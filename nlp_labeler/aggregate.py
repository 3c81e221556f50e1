"""Stage 6, aggregate: the asserted mentions of a report -> one value per label, under a policy."""

from collections.abc import Iterable, Sequence

from nlp_labeler.document import AssertedMention, Assertion
from nlp_labeler.findings import LABELS, NO_FINDING
from nlp_labeler.policies.schema import Policy

__all__ = ["COLUMNS", "aggregate"]

COLUMNS: tuple[str, ...] = (*LABELS, NO_FINDING)
"""Label columns of a result under the shipped label space, in order."""

_VALUES = {"positive": 1, "uncertain": -1, "negative": 0}
_ABSENT = frozenset({Assertion.NEGATED, Assertion.RESOLVED})
# One affirmed mention decides a label; without one a doubt outweighs a negation.
_STRENGTH = {1: 3, -1: 2, 0: 1, None: 0}


def aggregate(
    mentions: Iterable[AssertedMention], policy: Policy, columns: Sequence[str] = COLUMNS
) -> dict[str, int | None]:
    """The labels of a report, under the names of the columns.

    ``No Finding`` is 1 only where everything that the policy calls abnormal is said to be absent, else ``None``: what
    is doubted, ordered, assumed, of the past, or seen badly may have no value of its own, and yet is not ruled out.
    """
    labels: dict[str, int | None] = dict.fromkeys(columns)
    normal = True
    for mention in mentions:
        value = _VALUES.get(policy.value(mention.assertion, mention.rule))
        if mention.abnormal and not (value == 0 and mention.assertion in _ABSENT):
            normal = False
        if value is None:
            continue
        if mention.finding is not None and _STRENGTH[value] > _STRENGTH[labels[mention.finding]]:
            labels[mention.finding] = value
    labels[NO_FINDING] = 1 if normal else None
    return labels
