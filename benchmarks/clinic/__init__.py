"""What the clinic's runtime promises: nothing lost under kill -9, flat memory, size on disk, parity, and INT8.

How fast it is stands in :mod:`benchmarks.clinic_speed`, which needs a quiet machine; this needs only time.
"""

from benchmarks.record import Row

__all__ = ["run"]


def run() -> list[Row]:
    """All figures of the shipped bundle; the 10,000 inputs come last and take most of the time."""
    from benchmarks.clinic.footprint import footprint_rows
    from benchmarks.clinic.int8 import int8_rows
    from benchmarks.clinic.kills import kill_rows
    from benchmarks.clinic.parity import parity_rows

    return [*footprint_rows(), *parity_rows(), *int8_rows(), *kill_rows()]
