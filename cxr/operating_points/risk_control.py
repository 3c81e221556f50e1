"""Thresholds with a finite-sample guarantee, one for false positives and one for misses.

**Neyman-Pearson.** Tong, Feng and Li, "Neyman-Pearson classification algorithms and NP receiver operating
characteristics", Science Advances 2018, proposition 1. Let n scores be drawn independently from those who do
not have the finding, and let the rule be ``score > t`` where t is the k-th smallest of them. Whatever the distribution,

    P(false-positive rate of the rule > alpha) <= P(Binomial(n, alpha) <= n - k),

with equality where scores have no ties (ties only make the rule flag fewer). The smallest k for which
the right side is at most delta gives the most sensitive rule that keeps the promise.

**Learn then test.** Angelopoulos, Bates, Candes, Jordan and Lei, "Learn then test", Annals of Applied Statistics
2025, with fixed-sequence testing: candidates are tested from the safest on, each at level delta, and testing stops at
the first that fails, so no correction for the number of candidates is needed. The loss is 0/1, so the
p-value of "risk > limit" is exact: P(Binomial(n, limit) <= observed losses).

**Families.** Where several promises are to hold at once with confidence 1 - delta, each is tested at the level of
:func:`family_level` (Tarone 1990).
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # its parts are imported when they are first used
from numpy.typing import ArrayLike

from cxr.errors import OperatingPointError

__all__ = [
    "OrderStatistic",
    "TestedThreshold",
    "family_level",
    "furthest_rule_out",
    "order_statistic",
    "required_sample",
    "smallest_rank",
    "violation_probability",
]


@dataclass(frozen=True)
class OrderStatistic:
    """A threshold chosen as an order statistic.

    Attributes:
        n: size of the sample it was chosen from.
        k: rank, 1 for the smallest score, n for the largest.
        threshold: the k-th smallest score; the rule is ``score > threshold``.
        violation: upper bound of the probability that the rule's true rate is above the limit.
    """

    n: int
    k: int
    threshold: float
    violation: float


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


def _check_levels(limit: float, delta: float) -> None:
    for name, value in (("limit", limit), ("delta", delta)):
        if not 0 < value < 1:
            raise OperatingPointError(f"{name} is {value}; it must lie strictly between 0 and 1")


def violation_probability(n: int, k: int, limit: float) -> float:
    """P(Binomial(n, limit) <= n - k): bound of the chance that ``score > k-th smallest`` errs too often."""
    return float(scipy.special.bdtr(n - k, n, limit))


def smallest_rank(n: int, limit: float, delta: float) -> int | None:
    """The smallest rank k that keeps the error rate within ``limit`` with confidence ``1 - delta``.

    Args:
        n: number of independent scores, one per patient.
        limit: highest acceptable error rate, in (0, 1).
        delta: probability with which the promise may fail, in (0, 1).

    Returns:
        A rank in 1..n, or ``None`` where even the largest score does not suffice.

    Raises:
        OperatingPointError: if ``limit`` or ``delta`` is outside (0, 1).
    """
    _check_levels(limit, delta)
    # Exceedances m = n - k that the sample may hold; the bound grows with m.
    allowed = bisect_right(range(n), delta, key=lambda m: float(scipy.special.bdtr(m, n, limit)))
    return n - allowed + 1 if allowed else None


def required_sample(limit: float, delta: float) -> int:
    """The smallest n for which a rank exists: ``(1 - limit)^n <= delta``; 299 for 1 % at 95 % confidence.

    Raises:
        OperatingPointError: if ``limit`` or ``delta`` is outside (0, 1).
    """
    _check_levels(limit, delta)
    n = max(1, math.ceil(math.log(delta) / math.log1p(-limit)) - 1)
    while violation_probability(n, n, limit) > delta:  # at most a few steps: settles floating-point ties
        n += 1
    return n


def order_statistic(scores: ArrayLike, limit: float, delta: float) -> OrderStatistic | None:
    """Choose the threshold of ``score > threshold`` from scores that ought not to exceed it.

    Args:
        scores: (n,) finite scores of independent patients.
        limit: highest acceptable rate of scores above the threshold, in (0, 1).
        delta: probability with which the promise may fail, in (0, 1).

    Returns:
        The threshold with its rank, or ``None`` where n is below :func:`required_sample`.

    Raises:
        OperatingPointError: if a level is outside (0, 1) or a score is not finite.
    """
    ordered = np.sort(np.asarray(scores, dtype=np.float64))
    if not np.isfinite(ordered).all():
        raise OperatingPointError("scores hold a number that is not finite; an operating point needs real scores")
    n = len(ordered)
    k = smallest_rank(n, limit, delta)
    if k is None:
        return None
    return OrderStatistic(n, k, float(ordered[k - 1]), violation_probability(n, k, limit))


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


def family_level(samples: Sequence[int], limit: float, delta: float) -> float:
    """The level at which each of several promises is tested so that all hold at once.

    A sample of n can at best show the p-value ``(1 - limit)^n``. Promises that no score could earn at the level of the
    rest cannot be broken, so only the others share delta (Tarone, "A modified Bonferroni method for discrete data",
    Biometrics 1990). Which they are depends on the sizes alone. Holm's step-down (1979) would hand on the share of a
    sequence that passed to its end; a sequence of thresholds never does, because its last threshold misses everybody.

    Args:
        samples: number of independent patients of each promise.
        limit: highest acceptable error rate of each, in (0, 1).
        delta: probability with which any of them may fail, in (0, 1).

    Returns:
        A level in (0, delta].

    Raises:
        OperatingPointError: if ``limit`` or ``delta`` is outside (0, 1).
    """
    _check_levels(limit, delta)
    best = [math.exp(n * math.log1p(-limit)) for n in samples]
    share = 1
    while sum(p <= delta / share for p in best) > share:
        share += 1
    return delta / share
