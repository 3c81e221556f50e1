"""How fast the clinic's runtime is: file to result, beside decoding alone and beside torchxrayvision.

Speeds compare within one run on one quiet machine: every figure of a line is of the same files and the same number of
cores, one after the other, so that their ratios mean something elsewhere too.
"""

from benchmarks.record import Row

__all__ = ["run"]


def run() -> list[Row]:
    """One line per size of the files."""
    from benchmarks.clinic_speed.speed import speed_rows

    return speed_rows()
