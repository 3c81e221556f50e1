"""Thresholds with a finite-sample guarantee: the order-statistic rule of Neyman-Pearson classification.

Tong, Feng and Li, "Neyman-Pearson classification algorithms and NP receiver operating characteristics",
Science Advances 2018, proposition 1. Let n scores be drawn independently from those who do not have the
finding, and let the rule be ``score > t`` where t is the k-th smallest of them. Whatever the distribution,

    P(false-positive rate of the rule > alpha) <= P(Binomial(n, alpha) <= n - k),

with equality where scores have no ties (ties only make the rule flag fewer). The smallest k for which
the right side is at most delta gives the most sensitive rule that keeps the promise.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
import scipy  # its parts are imported when they are first used
from numpy.typing import ArrayLike

from cxr.errors import OperatingPointError

__all__ = ["OrderStatistic", "order_statistic", "required_sample", "smallest_rank", "violation_probability"]


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
