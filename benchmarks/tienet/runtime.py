"""The generator in the clinic's runtime: the same words as the trained model, and what a report costs."""

import time
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np

from benchmarks.record import Row, line
from benchmarks.tienet.cohort import Cohort
from benchmarks.tienet.trained import Generator
from cxr.datasets.cache import ImageCache
from cxr.screening import Bundle
from cxr.screening.generator import Generator as ClinicGenerator

__all__ = ["runtime_rows"]

COMPARED, TIMED = 200, 60


def runtime_rows(cohort: Cohort, generator: Generator) -> list[Row]:
    """Reports with identical words over COMPARED images; processor time of one core per report and classification."""
    bundle = Bundle.load(generator.run / "bundle")
    clinic = ClinicGenerator(bundle.contents, size=bundle.manifest.preprocessing.size, threads=1)
    network = bundle.network(threads=1)
    images = ImageCache.build(cohort.test, generator.model.card.image_size, generator.run / "cache" / "test")
    chosen = [np.array(images[row]) for row in range(COMPARED)]
    same = sum(clinic.report(image).words == generator.words_of(image) for image in chosen)
    report = _milliseconds(lambda row: clinic.report(chosen[row]))
    classification = _milliseconds(lambda row: network.run(chosen[row][None]))

    table = partial(line, "tienet-runtime", "report generator", unit_of_n="images", data=cohort.data, seeds=(0,))
    times = {"ms per report": report, "ms per classification": classification}
    busy = "median processor time of one core; other work on the machine makes it longer"
    return [
        *table({"same words as torch": same / COMPARED}, n=COMPARED, note="beam search of the same width in both"),
        *table(times, n=TIMED, note=busy),
    ]


def _milliseconds(work: Callable[[int], object]) -> float:
    times = []
    for row in range(TIMED):
        start = time.process_time()
        work(row)
        times.append(1000 * (time.process_time() - start))
    return median(times)
