"""Does the 95 % interval of an AUC hold the true AUC 95 times in 100? On synthetic patients of known AUC."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from benchmarks.record import Row, exact, line
from cxr.evaluation.bootstrap import bootstrap, estimates
from cxr.evaluation.ranking import RankedScores

DATASETS = 1000
RESAMPLES = 500


@dataclass(frozen=True)
class Population:
    """Patients with several images; score = separation * label + patient's own level + noise, unit variance."""

    name: str
    patients: int
    images: int
    prevalence: float
    separation: float
    within: float  # share of the variance that images of one patient have in common

    @property
    def auc(self) -> float:
        """Of a positive and a negative of different patients: Phi(separation / sqrt 2)."""
        return float(ndtr(self.separation / np.sqrt(2)))

    def draw(self, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """Labels, scores and patients of one data set; a patient keeps the label."""
        patient = np.repeat(np.arange(self.patients), self.images)
        labels = (rng.random(self.patients) < self.prevalence).astype(np.float64)[patient]
        level = np.sqrt(self.within) * rng.normal(size=self.patients)[patient]
        noise = np.sqrt(1 - self.within) * rng.normal(size=len(patient))
        return labels, self.separation * labels + level + noise, patient


POPULATIONS = (
    Population("AUC 0.70, 30 % ill", 200, 3, 0.3, 0.7416, 0.6),
    Population("AUC 0.80, 20 % ill", 300, 3, 0.2, 1.1902, 0.6),
    Population("AUC 0.90, 15 % ill", 400, 2, 0.15, 1.8124, 0.6),
)


def _covers(population: Population, clusters: bool, seed: int) -> bool:
    labels, scores, patients = population.draw(np.random.default_rng(seed))
    ranked = RankedScores(labels, scores)
    units = patients if clusters else np.arange(len(patients))

    def statistic(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        return ranked.metrics(weights, 0.0).auc[:, None]

    interval = estimates(bootstrap(statistic, units, RESAMPLES, seed))[0]
    return interval.low <= population.auc <= interval.high


def run() -> list[Row]:
    """Coverage of the patient-cluster bootstrap, and of one that takes images for independent."""
    rows: list[Row] = []
    for population in POPULATIONS:
        figures = {}
        for metric, clusters in (("patients resampled", True), ("images resampled", False)):
            covered = sum(_covers(population, clusters, seed) for seed in range(DATASETS))
            figures[metric] = exact(covered, DATASETS)
        rows += line(
            "bootstrap coverage",
            f"{population.name}, {population.patients} patients of {population.images} images",
            figures,
            n=DATASETS,
            unit_of_n="synthetic data sets",
            data="binormal scores, correlated within patients",
            interval="exact",
            note=f"{RESAMPLES} resamples each, nominal coverage 0.95",
        )
    return rows
