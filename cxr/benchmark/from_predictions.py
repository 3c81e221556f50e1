"""A benchmark from two tables: predictions and labels."""

from pathlib import Path

from cxr.benchmark.figures import Benchmark, BenchmarkSettings, Source, run_benchmark
from cxr.benchmark.leakage import refuse_shared_patients
from cxr.benchmark.predictions import join
from cxr.operating_points import OperatingPointSet
from nlp_labeler.storage import file_sha256

__all__ = ["benchmark_predictions"]


def _file_source(kind: str, path: Path) -> Source:
    return Source(kind, path.name, file_sha256(path))


def benchmark_predictions(
    predictions: Path,
    labels: Path,
    settings: BenchmarkSettings,
    train_list: Path | None = None,
    operating_points: Path | None = None,
) -> Benchmark:
    """Compute every figure of a table of predictions.

    Args:
        predictions: `Image Index` and `prob_NAME` columns.
        labels: the official label table.
        settings: resamples, seed and levels.
        train_list: images trained on, one per line; a patient on both sides is refused.
        operating_points: certificate file to evaluate; by default points are fitted on half of the patients.

    Raises:
        DatasetError: for anything in the tables that would make a figure wrong.
        OperatingPointError: if the certificate cannot be used with these predictions.
    """
    data = join(predictions, labels)
    if train_list is not None:
        refuse_shared_patients(data.images, train_list, labels)
    points = None
    if operating_points is not None:
        points = (OperatingPointSet.load(operating_points), f"from {operating_points.name}")
    return run_benchmark(
        data, _file_source("label table", labels), _file_source("predictions", predictions), settings, points
    )
