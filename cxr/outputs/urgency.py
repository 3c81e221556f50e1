"""Who comes first on a worklist."""

from cxr.screening.result import ScreeningResult

__all__ = ["TRIAGE_ORDER", "urgency"]

TRIAGE_ORDER: tuple[str, ...] = ("refer", "read", "none")


def urgency(result: ScreeningResult) -> tuple[int, float]:
    """Sort key, smallest first: by triage, then by how far the strongest finding is beyond its threshold.

    The distance is the difference of probability and threshold as a share of what is possible, so that
    findings with different thresholds compare. Refused inputs come last; nobody has looked at them.
    """
    if result.triage is None:
        return len(TRIAGE_ORDER), 0.0
    margins = [_margin(f.probability, f.threshold) for f in result.findings if f.threshold is not None]
    return TRIAGE_ORDER.index(result.triage), -max(margins, default=0.0)


def _margin(probability: float, threshold: float) -> float:
    """In [-1, 1]: 0 at the threshold, 1 at certainty, -1 at probability 0."""
    room = 1 - threshold if probability > threshold else threshold
    return (probability - threshold) / room if room > 0 else 0.0
