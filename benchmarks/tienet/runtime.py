"""The generator in the clinic's runtime: the same words as the trained model, and what a report costs."""

import time
from collections.abc import Callable
from statistics import median

import numpy as np

from benchmarks.record import Row
from benchmarks.tienet.cohort import Cohort
from benchmarks.tienet.trained import Generator
from cxr.datasets.cache import ImageCache
from cxr.screening import Bundle, Network
from cxr.screening.generator import Generator as ClinicGenerator

__all__ = ["runtime_rows"]

COMPARED, TIMED = 200, 60


def runtime_rows(cohort: Cohort, generator: Generator) -> list[Row]:
    """Reports with identical words over COMPARED images; processor time of one core per report and classification."""
    bundle = Bundle.load(generator.run / "bundle")
    clinic, network = ClinicGenerator(bundle, threads=1), Network(bundle, threads=1)
    images = ImageCache.build(cohort.test, generator.model.card.image_size, generator.run / "cache" / "test")
    chosen = [np.array(images[row]) for row in range(COMPARED)]
    same = sum(clinic.report(image).words == generator.words_of(image) for image in chosen)
    report = _milliseconds(lambda row: clinic.report(chosen[row]))
    classification = _milliseconds(lambda row: network.run(chosen[row][None]))

    def row(metric: str, value: float, n: int, note: str) -> Row:
        return Row(
            table="tienet-runtime",
            row="report generator",
            metric=metric,
            value=value,
            n=n,
            unit_of_n="images",
            data=cohort.data,
            note=note,
        )

    busy = "median processor time of one core; other work on the machine makes it longer"
    return [
        row("same words as torch", same / COMPARED, COMPARED, "beam search of the same width in both"),
        row("ms per report", report, TIMED, busy),
        row("ms per classification", classification, TIMED, busy),
    ]


def _milliseconds(work: Callable[[int], object]) -> float:
    times = []
    for row in range(TIMED):
        start = time.process_time()
        work(row)
        times.append(1000 * (time.process_time() - start))
    return median(times)
