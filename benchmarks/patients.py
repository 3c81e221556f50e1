"""Whose film is it? Age, sex and view from the film alone, wrong headers, and the same patient or another, on test_dev.

The floor of the age is the median of the training patients. Pairs are films of one patient against films of two
patients of the same sex and view whose ages differ by at most five years, one pair of each kind per film whose patient
came more than once. A wrong header is made by stating the other sex.
"""

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.provenance import shared_data
from benchmarks.record import Row, exact, line
from cxr.datasets.dataset import open_dataset
from cxr.evaluation import Estimate
from cxr.evaluation.bootstrap import bootstrap, estimates
from cxr.evaluation.classification import evaluate_classification
from cxr.imaging.preprocessing import prepare
from cxr.imaging.reading import read_radiograph
from cxr.screening import Bundle
from cxr.screening.film_heads import FilmHeads
from cxr.training.film_heads import FilmTable, film_table

__all__ = ["run"]

DATA = "NIH test_dev, shipped bundle"
AGES_APART = 5
SWAPPED, TIMED = 200, 200
_Floats = NDArray[np.float64]


def run() -> list[Row]:
    """All rows."""
    bundle = Bundle.load()
    heads = bundle.film_heads
    assert heads is not None
    dataset = open_dataset(shared_data("nih"))
    train, test = (dataset.subset(split) for split in ("train", "test"))
    table = film_table(bundle, test)
    scaled = (table.features - heads.centre) / heads.scale
    said = np.maximum(scaled @ heads.hidden + heads.hidden_bias, 0) @ heads.output + heads.output_bias
    directions = scaled @ heads.identity
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    ages = train.records["age"].to_numpy(np.float64)
    floor = float(np.median(ages[ages <= 110]))
    return [
        *_estimates(table, said.astype(np.float64), floor),
        *_headers(heads, table, said.astype(np.float64)),
        *_identities(heads, table, directions.astype(np.float64)),
        *_cost(bundle, heads, [Path(path) for path in test.records["path"][:TIMED]]),
    ]


def _estimates(table: FilmTable, said: _Floats, floor: float) -> list[Row]:
    known = np.isfinite(table.age)
    patients = table.patients[known]

    def mean_of(errors: _Floats) -> Estimate:
        drawn = bootstrap(lambda w: ((w @ errors) / w.sum(axis=1))[:, None], patients)
        return estimates(drawn)[0]

    figures: dict[str, float | Estimate] = {
        "mean error of age, years": mean_of(np.abs(np.clip(said[known, 0], 0, 110) - table.age[known])),
        "of the median age": mean_of(np.abs(floor - table.age[known].astype(np.float64))),
    }
    for column, (name, truth) in enumerate({"AUC of sex": table.female, "AUC of view": table.ap}.items(), start=1):
        report = evaluate_classification(truth[:, None], said[:, column : column + 1], list(table.patients), (name,))
        figures[name] = report.per_label[name].auc
    return line("age, sex, view", "film heads", figures, n=len(table.age), unit_of_n="films", data=DATA)


def _headers(heads: FilmHeads, table: FilmTable, said: _Floats) -> list[Row]:
    """How often a right header is questioned, and one that states the other sex."""
    error, sex, view, _ = heads.limits.tolist()
    female, ap = (1 / (1 + np.exp(-said[:, column])) for column in (1, 2))
    right = {
        "sex": np.where(table.female == 1, female, 1 - female) < sex,
        "age": np.abs(np.clip(said[:, 0], 0, 110) - table.age) > error,
        "view": np.where(table.ap == 1, ap, 1 - ap) < view,
    }
    swapped = np.random.default_rng(24).permutation(np.flatnonzero(np.isfinite(table.female)))[:SWAPPED]
    wrong = np.where(table.female == 1, 1 - female, female)[swapped] < sex
    figures = {f"right {name} questioned": exact(int(found.sum()), len(found)) for name, found in right.items()}
    figures |= {"other sex stated, questioned": exact(int(wrong.sum()), len(wrong))}
    note = f"limits: {error:.0f} years, probability {sex:.3f} of the stated sex"
    return line("headers questioned", "film heads", figures, n=len(table.age), unit_of_n="films", data=DATA,
                interval="exact", note=note)  # fmt: skip


def _identities(heads: FilmHeads, table: FilmTable, directions: _Floats) -> list[Row]:
    """Films of one patient against films of two that agree in sex, view and age."""
    rng = np.random.default_rng(0)
    truth: list[float] = []
    cosines: list[float] = []
    patients: list[str] = []
    rows = np.arange(len(table.patients))
    for film in rows:
        own = np.flatnonzero((table.patients == table.patients[film]) & (rows != film))
        others = np.flatnonzero(
            (table.patients != table.patients[film])
            & (table.female == table.female[film])
            & (table.ap == table.ap[film])
            & (np.abs(table.age - table.age[film]) <= AGES_APART)
        )
        if not len(own) or not len(others):
            continue
        for same, among in ((1.0, own), (0.0, others)):
            truth.append(same)
            cosines.append(float(directions[film] @ directions[rng.choice(among)]))
            patients.append(str(table.patients[film]))
    labels, scores = np.array(truth), np.array(cosines)
    report = evaluate_classification(labels[:, None], scores[:, None], patients, ("same",)).per_label["same"]
    limit = float(heads.limits[3])
    figures: dict[str, float | Estimate] = {
        "AUC": report.auc,
        "same patient questioned": exact(int((scores[labels == 1] < limit).sum()), int((labels == 1).sum())),
        "other patient questioned": exact(int((scores[labels == 0] < limit).sum()), int((labels == 0).sum())),
    }
    return [
        *line("same patient", "identity", {"AUC": figures.pop("AUC")}, n=len(labels), unit_of_n="pairs", data=DATA),
        *line("same patient", "identity", figures, n=len(labels), unit_of_n="pairs", data=DATA, interval="exact"),
    ]


def _cost(bundle: Bundle, heads: FilmHeads, paths: list[Path]) -> list[Row]:
    """Time of the heads against that of the network, film by film in one run."""
    network, size = bundle.network(threads=1), bundle.manifest.preprocessing.size
    ratios = []
    for path in paths:
        square, _ = prepare(read_radiograph(path).pixels, size)
        start = time.perf_counter()
        output = network.run(square[None])
        middle = time.perf_counter()
        heads.look(output)
        ratios.append((time.perf_counter() - middle) / (middle - start))
    figures = {"time of the heads over that of the network": float(np.median(ratios))}
    return line("film heads, cost", "median film", figures, n=len(paths), unit_of_n="films", data=DATA)
