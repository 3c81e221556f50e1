"""What is known of a film beside its pixels, as log odds of each label: the experts that no student will ever hear."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from cxr.datasets.tables import read_table
from cxr.errors import DatasetError

__all__ = ["cross_fitted", "other_scores", "patient_features", "visit_scores"]

_RIDGE = 0.1
"""Inverse strength of the penalty on standardised features."""
_LIMIT = 4.0
"""Deviations from its mean at which a feature is taken."""
_VISITS = 4.0
"""Visits after which another visit's label counts 1/e of the next visit's."""
_SHRINKAGE = 0.5
"""Weight of a visit without the finding that every patient is given: one visit more says little."""
_LEAST = 1e-5
"""Probabilities are kept this far from 0 and 1."""


def cross_fitted(
    features: NDArray[np.floating], labels: NDArray[np.float32], folds: NDArray[np.int64]
) -> NDArray[np.float32]:
    """(N, C) log odds of each label given (N, F) features, by a regression that has not seen the film's patient.

    Args:
        features: finite.
        labels: (N, C) with 1 and 0; all else is left out of the fit.
        folds: (N,) the group of patients that each film is of.
    """
    odds = np.zeros(labels.shape, np.float32)
    for fold in np.unique(folds):
        other = folds == fold
        centre, spread = features[~other].mean(axis=0), features[~other].std(axis=0) + 1e-6
        standardized = ((features - centre) / spread).clip(-_LIMIT, _LIMIT)
        for column in range(labels.shape[1]):
            rows = ~other & np.isin(labels[:, column], (0, 1))
            if len(np.unique(labels[rows, column])) == 2:
                fitted = LogisticRegression(C=_RIDGE, max_iter=1000).fit(standardized[rows], labels[rows, column])
                odds[other, column] = fitted.decision_function(standardized[other])
    return odds


def patient_features(records: pd.DataFrame) -> NDArray[np.float64]:
    """(N, 6) age, sex and view of the records of a dataset, and how they go together; what is unknown is in the middle.

    Args:
        records: as of datasets.schema.Dataset.
    """
    years = records["age"].astype(float)
    age = years.fillna(years.median() if years.notna().any() else 0.0).to_numpy(np.float64) / 20
    male = records["sex"].map({"M": 1.0, "F": 0.0}).fillna(0.5).to_numpy(np.float64)
    lying = records["view"].map({"AP": 1.0, "PA": 0.0}).fillna(0.5).to_numpy(np.float64)
    return np.stack([age, age**2, male, lying, age * lying, age * male], axis=1)


def visit_scores(records: pd.DataFrame, visits: pd.DataFrame, label_space: tuple[str, ...]) -> NDArray[np.float32]:
    """How often each finding was named at the same patient's other visits, near ones first.

    A disease lasts; a label that appears between two visits without it is more often a mistake.

    Args:
        records: N films of a dataset.
        visits: records of all films that are known, these N among them; no test patient's.
        label_space: names of the C labels.

    Returns:
        (N, C) in [0, 1); NaN for a patient without other visits.
    """
    scores = np.full((len(records), len(label_space)), np.nan, np.float32)
    labels = visits[list(label_space)].to_numpy(np.float32) == 1
    number, names = visits["follow_up"].to_numpy(np.float64), visits["image"].to_numpy()
    of_patient = visits.groupby("patient").indices
    for row, (image, patient, follow_up) in enumerate(
        records[["image", "patient", "follow_up"]].itertuples(index=False)
    ):
        others = np.asarray([other for other in of_patient.get(patient, ()) if names[other] != image], dtype=int)
        if len(others):
            weights = np.exp(-np.abs(number[others] - follow_up) / _VISITS)
            scores[row] = (weights[:, None] * labels[others]).sum(axis=0) / (weights.sum() + _SHRINKAGE)
    return scores


def other_scores(path: Path, images: tuple[str, ...], label_space: tuple[str, ...]) -> NDArray[np.float32]:
    """Log odds that another network gives, from a table with `Image Index` and a column prob_LABEL per label.

    Args:
        path: the CSV file; images that it lacks, and labels, are unknown.
        images: N names.
        label_space: names of the C labels.

    Returns:
        (N, C); NaN for what is unknown.

    Raises:
        DatasetError: if the table holds none of the labels or a value that is no probability.
    """
    table = read_table(path, ("Image Index",)).drop_duplicates("Image Index").set_index("Image Index")
    columns = {label: f"prob_{label}" for label in label_space if f"prob_{label}" in table}
    if not columns:
        raise DatasetError(f"{path}: has no column prob_LABEL for any of {', '.join(label_space)}")
    odds = np.full((len(images), len(label_space)), np.nan, np.float32)
    for label, column in columns.items():
        probability = pd.to_numeric(table[column].replace("", np.nan), errors="coerce")
        wrong = table[column].ne("") & ~probability.between(0, 1)
        if wrong.any():
            raise DatasetError(f"{path}: {column} is '{table[column][wrong].iloc[0]}', not a probability from 0 to 1")
        found = probability.reindex(list(images)).to_numpy(np.float64).clip(_LEAST, 1 - _LEAST)
        odds[:, label_space.index(label)] = np.log(found / (1 - found))
    return odds
