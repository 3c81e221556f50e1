"""Two visits compared on NIH test_dev: what came, what went, how films lie over each other, and what is not compared.

Pairs are films of one patient, one visit after the other. A label that changes from absent to present counts as new,
the other way round as gone; labels are mined from reports and change by noise too. Measured is the AUC of the
difference of the scores at telling new from gone, and how often a change is called where the label stays.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.provenance import shared_data
from benchmarks.record import Row, exact, line
from cxr.comparison import Change, FilmComparison, NotComparable, compare_films
from cxr.datasets.dataset import open_dataset
from cxr.evaluation import Estimate
from cxr.evaluation.bootstrap import bootstrap, estimates
from cxr.evaluation.classification import evaluate_classification
from cxr.screening import Bundle, Examination, Screener

__all__ = ["run"]

DATA = "NIH test_dev, shipped bundle, consecutive visits of one patient"
FINDINGS = ("Effusion", "Pneumothorax", "Atelectasis", "Cardiomegaly", "Infiltration", "Mass", "Nodule", "Pneumonia")
STRANGERS = 200
_CHANGED = {Change.NEW, Change.RESOLVED, Change.LARGER, Change.SMALLER}


def run() -> list[Row]:
    """All rows."""
    bundle = Bundle.load()
    screener = Screener(bundle, threads=1, gate=_accept)
    records = open_dataset(shared_data("nih")).subset("test").records
    records = records.sort_values(["patient", "follow_up"]).reset_index(drop=True)
    films = [screener.examine(str(path), Path(path)) for path in records["path"]]
    patients = records["patient"].astype(str).tolist()
    pairs = [(a, b) for a, b in pairwise(range(len(films))) if patients[a] == patients[b]]
    compared = {(a, b): compare_films(bundle, films[a], films[b])[0] for a, b in pairs}
    return [
        *_new_or_gone(records, compared),
        *_registration(compared, patients),
        *_not_comparable(bundle, records, films, compared),
    ]


def _accept(_: object) -> None:
    """Every film is wanted, whatever the gate says of it."""


def _new_or_gone(records: pd.DataFrame, compared: dict[tuple[int, int], FilmComparison]) -> list[Row]:
    rows: list[Row] = []
    for name in FINDINGS:
        labels = records[name].to_numpy(np.float64)
        truth, scores, patients, steady = [], [], [], []
        for (a, b), comparison in compared.items():
            found = next((change for change in comparison.findings if change.name == name), None)
            if found is None:
                continue
            moved = labels[b] - labels[a]
            if moved:
                truth.append(float(moved > 0))
                scores.append(found.difference)
                patients.append(str(records["patient"][a]))
            else:
                steady.append(found.change in _CHANGED)
        report = evaluate_classification(np.array(truth)[:, None], np.array(scores)[:, None], patients, (name,))
        figures: dict[str, float | Estimate] = {
            "AUC of new against gone": report.per_label[name].auc,
            "new": float(sum(truth)),
            "gone": float(len(truth) - sum(truth)),
        }
        rows += line("new or gone", name, figures, n=len(truth), unit_of_n="pairs whose label changed", data=DATA)
        called: dict[str, float | Estimate] = {"called changed where the label stays": exact(sum(steady), len(steady))}
        rows += line("new or gone", name, called, n=len(truth), unit_of_n="pairs whose label changed", data=DATA,
                     interval="exact")  # fmt: skip
    return rows


def _registration(compared: dict[tuple[int, int], FilmComparison], patients: Sequence[str]) -> list[Row]:
    kept = [(found.outline_error, patients[a]) for (a, _), found in compared.items() if found.outline_error]
    errors = np.array([error for error, _ in kept], dtype=np.float64)
    drawn = bootstrap(lambda w: ((w @ errors) / w.sum(axis=1))[:, None], [patient for _, patient in kept])
    figures: dict[str, float | Estimate] = {
        "mean distance of the lungs' outlines, widths of the chest": estimates(drawn)[0],
        "95 % of pairs below": float(np.quantile(errors, 0.95)),
    }
    return line("registration", "after an affine map", figures, n=len(errors), unit_of_n="pairs", data=DATA)


def _not_comparable(
    bundle: Bundle,
    records: pd.DataFrame,
    films: Sequence[Examination],
    compared: dict[tuple[int, int], FilmComparison],
) -> list[Row]:
    """Pairs of one view, of two views, and of two patients; the files name neither patient nor view."""
    views = records["view"].astype(str).tolist()
    kinds: dict[str, list[FilmComparison]] = {"same patient, same view": [], "same patient, AP and PA": []}
    for (a, b), comparison in compared.items():
        kinds["same patient, same view" if views[a] == views[b] else "same patient, AP and PA"].append(comparison)
    rng = np.random.default_rng(0)
    others: list[FilmComparison] = []
    while len(others) < STRANGERS:
        a, b = rng.integers(len(films), size=2)
        if records["patient"][a] != records["patient"][b] and views[a] == views[b]:
            others.append(compare_films(bundle, films[a], films[b])[0])
    kinds["two patients, same view"] = others
    rows: list[Row] = []
    for kind, comparisons in kinds.items():
        n = len(comparisons)
        figures = {"not compared": exact(sum(bool(c.reasons) for c in comparisons), n)}
        figures |= {
            reason.value.replace("_", " "): exact(sum(reason in c.reasons for c in comparisons), n)
            for reason in (NotComparable.OTHER_VIEW, NotComparable.PERHAPS_OTHER_PATIENT, NotComparable.OTHER_POSE)
        }
        rows += line("not comparable", kind, figures, n=n, unit_of_n="pairs", data=DATA, interval="exact")
    return rows
