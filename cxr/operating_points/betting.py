"""Tests of an error rate that stay valid however often one looks: betting on the next patient.

Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 2024. Who bets against "the
rate is at most m" and stakes by the odds of another rate q multiplies its capital with every patient by q / m after an
error and by (1 - q) / (1 - m) otherwise. Were the claim true, nobody could expect to gain, so that the capital ever
reaches 1 / delta with probability at most delta (Ville 1939), whenever and however often it is looked at. That holds
too for the mean capital of many who bet by different rates q. Here they are spread over the rates that contradict the
claim by a truncated beta density, for which the mean has a closed form in the counts alone:

    integral of (q / m)^k ((1 - q) / (1 - m))^(n - k) over that density, after k errors among n patients.

Against a rate of at most m the density is Beta(1, 1 / m) above m: most of it near twice the rate that was promised,
which is where promises break. Against a rate of at least m it is Beta(1/2, 1/2) below m. Interval ends come from
Beta(1/2, 1/2) over all rates. All functions broadcast; logarithms are natural.
"""

import math

import numpy as np
import scipy  # its parts are imported when they are first used
from numpy.typing import ArrayLike, NDArray

__all__ = ["further_patients", "largest_confirming", "log_against_high", "log_against_low", "rate_interval"]

_Floats = NDArray[np.float64]
_JEFFREYS = 0.5
MOST_PATIENTS = 1_000_000
"""Further patients beyond which a question counts as not to be settled by waiting."""


def _log_capital(k: _Floats, n: _Floats, limit: float, a: float, b: float, tail: str) -> _Floats:
    """Log of the integral over Beta(a, b) truncated to one side of ``limit``; -inf where it underflows."""
    part = getattr(scipy.special, tail)
    with np.errstate(divide="ignore"):
        mass = np.log(part(a + k, b + n - k, limit)) - math.log(part(a, b, limit))
    odds = k * math.log(limit) + (n - k) * math.log1p(-limit)
    return np.asarray(scipy.special.betaln(a + k, b + n - k) - scipy.special.betaln(a, b) + mass - odds)


def _counts(errors: ArrayLike, n: ArrayLike) -> tuple[_Floats, _Floats]:
    return np.asarray(errors, dtype=np.float64), np.asarray(n, dtype=np.float64)


def log_against_low(errors: ArrayLike, n: ArrayLike, limit: float) -> _Floats:
    """Log capital against "the error rate is at most ``limit``": large where there are too many errors.

    Args:
        errors: k, in [0, n].
        n: patients seen.
        limit: in (0, 1).
    """
    return _log_capital(*_counts(errors, n), limit, 1.0, 1 / limit, "betaincc")


def log_against_high(errors: ArrayLike, n: ArrayLike, limit: float) -> _Floats:
    """Log capital against "the error rate is at least ``limit``": large where there are few enough errors.

    Args:
        errors: k, in [0, n].
        n: patients seen.
        limit: in (0, 1).
    """
    return _log_capital(*_counts(errors, n), limit, _JEFFREYS, _JEFFREYS, "betainc")


def rate_interval(errors: int, n: int, delta: float) -> tuple[float, float]:
    """The rates that the patients do not contradict; with probability ``1 - delta`` the true one is in it at all times.

    Args:
        errors: k, in 0..n.
        n: patients seen; none contradict nothing.
        delta: in (0, 1).
    """
    if n == 0:
        return 0.0, 1.0
    mixed = float(
        scipy.special.betaln(_JEFFREYS + errors, _JEFFREYS + n - errors) - scipy.special.betaln(_JEFFREYS, _JEFFREYS)
    )

    def excess(rate: float) -> float:
        likelihood = scipy.special.xlogy(errors, rate) + scipy.special.xlog1py(n - errors, -rate)
        return mixed - float(likelihood) + math.log(delta)  # rises on both sides of errors / n

    def end(contradicted: float) -> float:
        held = errors / n
        while abs(contradicted - held) > 1e-9:
            middle = (contradicted + held) / 2
            contradicted, held = (middle, held) if excess(middle) > 0 else (contradicted, middle)
        return contradicted

    return (end(0.0) if errors else 0.0), (end(1.0) if errors < n else 1.0)


def further_patients(
    errors: int, n: int, limit: float, rate: float, log_needed: float, *, withdraw: bool
) -> int | None:
    """How many more patients settle a promise, if they err at ``rate``.

    Args:
        errors: so far.
        n: patients so far.
        limit: promised error rate.
        rate: of the patients to come, in [0, 1].
        log_needed: log capital that settles it.
        withdraw: whether errors are to contradict the promise, or their absence to confirm it.

    Returns:
        The smallest number, or ``None`` where :data:`MOST_PATIENTS` do not suffice.
    """
    capital = log_against_low if withdraw else log_against_high

    def settled(more: int) -> bool:
        return bool(capital(errors + rate * more, n + more, limit) >= log_needed)

    low, high = -1, 1
    while not settled(high):
        low, high = high, 2 * high
        if high > MOST_PATIENTS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if settled(middle) else (middle, high)
    return high


def largest_confirming(n: int, limit: float, log_needed: float) -> int | None:
    """The most errors among ``n`` patients that still prove a rate within ``limit``; ``None`` if not even 0 do."""
    errors = np.arange(n + 1)
    enough = np.flatnonzero(log_against_high(errors, n, limit) >= log_needed)
    return int(enough[-1]) if len(enough) else None
