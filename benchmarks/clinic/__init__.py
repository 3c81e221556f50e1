"""The clinic's runtime on real files: nothing lost under kill -9, speed, start, memory, size on disk, parity.

Speeds compare within one run on one machine: every row screens or decodes the same files with the same number of cores,
one row after the other, so that their ratios mean something elsewhere too.
"""

from benchmarks.record import Row

__all__ = ["run"]


def run() -> list[Row]:
    """All figures of the shipped bundle; the 10,000 inputs take most of the time."""
    from benchmarks.clinic.footprint import footprint_rows
    from benchmarks.clinic.int8 import int8_rows
    from benchmarks.clinic.kills import kill_rows
    from benchmarks.clinic.parity import parity_rows
    from benchmarks.clinic.speed import speed_rows

    return [*speed_rows(), *footprint_rows(), *parity_rows(), *int8_rows(), *kill_rows()]
