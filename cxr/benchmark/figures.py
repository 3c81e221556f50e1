"""Everything that is computed about one model on one held-out set of images."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from cxr.benchmark.held_out_points import HeldOutPoints, evaluate_points, fit_on_half
from cxr.benchmark.tables import LabeledPredictions, join, refuse_shared_patients
from cxr.evaluation.calibration_metrics import CalibrationReport, evaluate_calibration
from cxr.evaluation.classification import ClassificationReport, evaluate_classification
from cxr.evaluation.localization import LocalizationReport
from cxr.evaluation.subgroups import SubgroupReport, evaluate_subgroups
from cxr.operating_points import OperatingPointSet
from nlp_labeler.storage import file_sha256

__all__ = ["Benchmark", "BenchmarkSettings", "Source", "benchmark_predictions", "run_benchmark"]


@dataclass(frozen=True)
class Source:
    """Where data or scores come from.

    Attributes:
        kind: what was hashed, e.g. ``label table`` or ``model bundle``.
        name: file or folder name, without its path.
        sha256: of its content.
    """

    kind: str
    name: str
    sha256: str


@dataclass(frozen=True)
class BenchmarkSettings:
    """How the figures are computed.

    Attributes:
        resamples: patient resamples behind every interval.
        seed: makes them repeatable.
        alpha: false-positive limit of operating points that are fitted here.
        delta: probability with which their promise may fail.
        prevalences: at which positive predictive values are stated.
    """

    resamples: int = 1000
    seed: int = 0
    alpha: float = 0.01
    delta: float = 0.05
    prevalences: tuple[float, ...] = (0.01, 0.05)


@dataclass(frozen=True)
class Benchmark:
    """All figures of one benchmark, with the predictions they were computed from.

    ``refused`` counts by code the films that the bundle's reader or quality gate would not score.
    """

    data: Source
    model: Source
    settings: BenchmarkSettings
    predictions: LabeledPredictions
    classification: ClassificationReport
    calibration: Mapping[str, CalibrationReport]
    subgroups: tuple[SubgroupReport, ...]
    operating_points: HeldOutPoints
    localization: LocalizationReport | None
    refused: Mapping[str, int] = field(default_factory=dict)


def run_benchmark(
    predictions: LabeledPredictions,
    data: Source,
    model: Source,
    settings: BenchmarkSettings,
    points: tuple[OperatingPointSet, str] | None = None,
    localization: LocalizationReport | None = None,
    refused: Mapping[str, int] = MappingProxyType({}),
) -> Benchmark:
    """Compute every figure.

    Args:
        predictions: of held-out images, with labels.
        data: where the labels come from.
        model: where the probabilities come from.
        settings: resamples, seed and levels.
        points: operating points that were fitted on other patients, and a sentence that says where. Without
            them they are fitted on a random half of the patients and reported on the other half.
        localization: boxes, where there are any.
        refused: code -> films that were not scored.

    Raises:
        CxrError: if the predictions cannot be evaluated.
    """
    p, s = predictions, settings
    if points is None:
        fitted, held_out = fit_on_half(p, s.alpha, s.delta, s.seed)
        source = f"fitted on a random half of the patients (seed {s.seed}), reported on the other half"
    else:
        (fitted, source), held_out = points, p
    return Benchmark(
        data=data,
        model=model,
        settings=s,
        predictions=p,
        classification=evaluate_classification(
            p.labels, p.probabilities, p.patients, p.label_names, s.resamples, s.seed
        ),
        calibration={
            name: evaluate_calibration(
                p.labels[:, c], p.probabilities[:, c], p.patients, resamples=s.resamples, seed=s.seed
            )
            for c, name in enumerate(p.label_names)
        },
        subgroups=evaluate_subgroups(
            p.labels, p.probabilities, p.patients, p.label_names, p.attributes, s.resamples, s.seed
        ),
        operating_points=evaluate_points(fitted, held_out, source, s.prevalences, s.resamples, s.seed),
        localization=localization,
        refused=dict(refused),
    )


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


def _file_source(kind: str, path: Path) -> Source:
    return Source(kind, path.name, file_sha256(path))
