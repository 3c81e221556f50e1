"""The shipped bundle on test_dev, screened as a clinic screens: AUC and hit rates beside what needs no film."""

from functools import cache

from benchmarks.classification.floors import floor_rows
from benchmarks.provenance import shared_data
from benchmarks.record import Row
from cxr.benchmark.from_bundle import ScreenedSplit, screen_split
from cxr.datasets.dataset import open_dataset
from cxr.screening import Bundle, Screener

__all__ = ["DATA", "run", "shipped_on_test_dev"]

DATA = "NIH test_dev, shipped bundle, quality gate included"


def run() -> list[Row]:
    """AUC and hit rates of the eight findings, their floors, and the lifts."""
    return floor_rows(shipped_on_test_dev(), shared_data("nih"), DATA, seeds=(0,))


def shipped_on_test_dev() -> ScreenedSplit:
    """What the shipped bundle says of the test films: a minute on two cores, once per process."""
    shared_data("nih")  # counts as read, whichever benchmark came first
    return _screened()


@cache
def _screened() -> ScreenedSplit:
    return screen_split(Screener(Bundle.load(), threads=1), open_dataset(shared_data("nih")).subset("test"))
