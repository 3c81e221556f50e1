"""Learn then test: the furthest threshold of a pre-ordered sequence whose risk is proven acceptable.

Angelopoulos, Bates, Candes, Jordan and Lei, "Learn then test", Annals of Applied Statistics 2025, with
fixed-sequence testing: candidates are tested from the safest on, each at level delta, and testing stops at
the first that fails, so no correction for the number of candidates is needed. The loss is 0/1, so the
p-value of "risk > limit" is exact: P(Binomial(n, limit) <= observed losses).
"""

from dataclasses import dataclass

import numpy as np
import scipy  # its parts are imported when they are first used
from numpy.typing import ArrayLike

__all__ = ["TestedThreshold", "furthest_rule_out"]


@dataclass(frozen=True)
class TestedThreshold:
    """A threshold that passed.

    Attributes:
        n: number of patients with disease it was tested on.
        k: how many of their scores, from the smallest, lie below it, plus one: the rank of the first not missed.
        threshold: the rule is ``score < threshold``.
        p_value: of the hypothesis that the rule misses more than the limit.
    """

    n: int
    k: int
    threshold: float
    p_value: float


def furthest_rule_out(diseased: ArrayLike, candidates: ArrayLike, limit: float, delta: float) -> TestedThreshold | None:
    """The highest threshold below which a patient may be called free of findings.

    Args:
        diseased: (n,) scores of patients who do have a finding, one image each.
        candidates: (m,) thresholds; tested from the lowest, which rules out least, upwards.
        limit: highest acceptable share of the diseased below the threshold, in (0, 1).
        delta: probability with which the promise may fail, in (0, 1).

    Returns:
        The last threshold that passed, or ``None`` where the first one already fails.
    """
    scores = np.sort(np.asarray(diseased, dtype=np.float64))
    sequence = np.unique(np.asarray(candidates, dtype=np.float64))
    misses = np.searchsorted(scores, sequence, side="left")
    p_values = scipy.special.bdtr(misses.astype(float), len(scores), limit) if len(scores) else np.ones(len(sequence))
    failed = np.flatnonzero(p_values > delta)
    passed = int(failed[0]) if len(failed) else len(sequence)
    if passed == 0:
        return None
    last = passed - 1
    return TestedThreshold(len(scores), int(misses[last]) + 1, float(sequence[last]), float(p_values[last]))
