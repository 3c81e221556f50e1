"""Two benchmarks of the same images: is one model better, finding by finding?"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr.benchmark.write import PREDICTIONS_FILE
from cxr.errors import DatasetError
from cxr.evaluation.bootstrap import Estimate, bootstrap, estimates
from cxr.evaluation.classification import headline_labels
from cxr.evaluation.delong import AucComparison, compare_aucs
from cxr.evaluation.ranking import RankedScores
from cxr.tables import IMAGE, PATIENT, numbers, probabilities, read_csv

__all__ = ["BenchmarkComparison", "FindingComparison", "compare_benchmarks"]


@dataclass(frozen=True)
class FindingComparison:
    """One finding under two models.

    Attributes:
        name: the finding.
        test: DeLong's paired test with patients as clusters.
        adjusted_p_value: its p-value after Holm's correction for the number of findings compared.
    """

    name: str
    test: AucComparison
    adjusted_p_value: float


@dataclass(frozen=True)
class BenchmarkComparison:
    """Two models on the images that both benchmarks hold.

    Attributes:
        n_images: shared images.
        n_patients: their patients.
        findings: findings of both, those with two patients with and two without.
        mean_over: findings of the mean.
        mean_difference: mean AUC of the second model minus that of the first, with its patient-bootstrap interval.
    """

    n_images: int
    n_patients: int
    findings: tuple[FindingComparison, ...]
    mean_over: tuple[str, ...]
    mean_difference: Estimate


@dataclass(frozen=True)
class _Run:
    rows: dict[str, int]
    patients: list[str]
    names: tuple[str, ...]
    probabilities: NDArray[np.float64]
    labels: NDArray[np.float64]


def _read(folder: Path) -> _Run:
    path = folder / PREDICTIONS_FILE
    if not path.is_file():
        raise DatasetError(f"no {PREDICTIONS_FILE} in {folder}; give the --out folder of a `cxr benchmark`")
    table = read_csv(path)
    names, scores = probabilities(table)
    table.require([PATIENT, *(f"label_{name}" for name in names)])
    labels = np.stack([numbers(table, f"label_{name}") for name in names], axis=1)
    rows = {image: row for row, image in enumerate(table.columns[IMAGE])}
    return _Run(rows, table.columns[PATIENT], names, scores, labels)


def _holm(p_values: list[float]) -> list[float]:
    """Holm 1979: step-down adjusted p-values, in the order given."""
    order = np.argsort(p_values)
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.minimum(np.maximum.accumulate(np.array(p_values)[order] * factors), 1.0)
    result = np.empty(len(p_values))
    result[order] = adjusted
    return [float(p) for p in result]


def compare_benchmarks(first: Path, second: Path, resamples: int = 1000, seed: int = 0) -> BenchmarkComparison:
    """Compare two models on the images both were benchmarked on.

    Args:
        first: --out folder of a benchmark.
        second: another one.
        resamples: patient resamples for the mean.
        seed: makes them repeatable.

    Raises:
        DatasetError: if a folder is no benchmark, nothing is shared, or the two disagree on a label.
    """
    a, b = _read(first), _read(second)
    images = [image for image in a.rows if image in b.rows]
    shared = [name for name in a.names if name in b.names]
    if not images or not shared:
        raise DatasetError(f"{first} and {second} share {len(images)} images and {len(shared)} findings")
    rows_a, rows_b = [a.rows[i] for i in images], [b.rows[i] for i in images]
    patients = [a.patients[row] for row in rows_a]

    def columns(run: _Run, rows: list[int], values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values[rows][:, [run.names.index(name) for name in shared]]

    labels = columns(a, rows_a, a.labels)
    if not np.array_equal(labels, columns(b, rows_b, b.labels), equal_nan=True):
        raise DatasetError(f"{first} and {second} label the same images differently; benchmark both on one table")
    scores = [columns(a, rows_a, a.probabilities), columns(b, rows_b, b.probabilities)]

    def comparable(c: int) -> bool:
        groups = ({p for p, y in zip(patients, labels[:, c], strict=True) if y == value} for value in (0, 1))
        return all(len(group) >= 2 for group in groups)

    kept = [c for c in range(len(shared)) if comparable(c)]
    if not kept:
        raise DatasetError(f"no shared finding has two patients with and two without among {len(images)} images")
    tests = [compare_aucs(labels[:, c], scores[0][:, c], scores[1][:, c], patients) for c in kept]
    names = [shared[c] for c in kept]
    adjusted = _holm([test.p_value for test in tests])
    mean_over = headline_labels(names)
    ranked = [[RankedScores(labels[:, c], s[:, c]) for c in kept if shared[c] in mean_over] for s in scores]

    def statistic(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        means = [np.mean([r.metrics(weights, 0.0).auc for r in of_model], axis=0) for of_model in ranked]
        return (means[1] - means[0])[:, None]

    return BenchmarkComparison(
        n_images=len(images),
        n_patients=len(set(patients)),
        findings=tuple(FindingComparison(*row) for row in zip(names, tests, adjusted, strict=True)),
        mean_over=mean_over,
        mean_difference=estimates(bootstrap(statistic, patients, resamples, seed))[0],
    )
