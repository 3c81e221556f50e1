"""The shipped bundle on films of other hospitals (web cases, mostly of pneumonia): what a stranger may expect.

Some of the films are in the bundle's training data, without their labels; the second line leaves those out. The truth
is the case's diagnosis, which need not show on the film, and the normal films are few.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.provenance import shared_data
from benchmarks.record import Row, exact, line
from cxr.datasets.tables import read_table
from cxr.evaluation import Estimate
from cxr.evaluation.calibration_metrics import evaluate_calibration
from cxr.evaluation.classification import evaluate_classification
from cxr.screening import Examination, Screener, ScreeningInput, ScreeningResult, default_workers, screen_many
from cxr.training.quality_gate.film_check import FREE_LICENCES

__all__ = ["run"]

FINDING, NORMAL = "Pneumonia", "No Finding"


def run() -> list[Row]:
    """AUC of pneumonia against the normal films, its calibration, and what became of the films."""
    folder = shared_data("outside")
    index = read_table(folder / "index.csv", ("file", "patient", "nih_label", "licence_class"))
    inputs = [ScreeningInput(name, lambda name=name: folder / name) for name in index["file"]]  # type: ignore[misc]
    done = {r.path: r for r, _ in screen_many(Screener(threads=1), inputs, _nothing, workers=default_workers())}
    results = [done[name] for name in index["file"]]
    labels = [str(names).split("|") for names in index["nih_label"]]
    known = index["licence_class"].isin(FREE_LICENCES).to_numpy()
    rows: list[Row] = []
    for name, chosen in (("all", np.full(len(results), True)), ("of these, not in training", ~known)):
        at = np.flatnonzero(chosen)
        some = [results[i] for i in at], [labels[i] for i in at], [str(index["patient"].iloc[i]) for i in at]
        rows += [*_scores(name, *some), *_fates(name, some[0])]
    return rows


def _scores(
    name: str, results: Sequence[ScreeningResult], labels: Sequence[Sequence[str]], patients: Sequence[str]
) -> list[Row]:
    """Separation and calibration among the films that were screened."""
    kept = [i for i, (r, names) in enumerate(zip(results, labels, strict=True)) if r.findings and _truth(names) >= 0]
    truth = np.array([_truth(labels[i]) for i in kept], dtype=np.float64)
    of_whom = [patients[i] for i in kept]
    scores = np.array([_probability(results[i]) for i in kept])
    above = np.array([next(f.positive for f in results[i].findings if f.name == FINDING) for i in kept])
    report = evaluate_classification(truth[:, None], scores[:, None], of_whom, (FINDING,)).per_label[FINDING]
    calibration = evaluate_calibration(truth, scores, of_whom)
    figures: dict[str, float | Estimate] = {
        "AUC": report.auc,
        "calibration error": calibration.ece,
        "Brier": calibration.brier,
        "mean probability": float(scores.mean()),
        "share with it": float(truth.mean()),
    }
    n = f"{int(truth.sum())} films with pneumonia, {int((truth == 0).sum())} normal"
    rows = line(
        "outside scores", name, figures, n=len(kept), unit_of_n="films", data="films of other hospitals", note=n
    )
    certified = {
        "certified point, of those with it": _share(above, truth == 1),
        "of the normal": _share(above, truth == 0),
    }
    about = {"n": len(kept), "unit_of_n": "films", "data": "films of other hospitals"}
    return rows + line("outside scores", name, certified, interval="exact", note=n, **about)  # type: ignore[arg-type]


def _fates(name: str, results: Sequence[ScreeningResult]) -> list[Row]:
    """What became of the films."""
    n = len(results)
    referred = sum(r.triage == "refer" for r in results)
    figures = {
        "refused": exact(sum(r.refusal is not None for r in results), n),
        "doubtful": exact(sum(bool(r.doubts) for r in results), n),
        "out of distribution": exact(sum("out_of_distribution" in r.doubts for r in results), n),
        "referred": exact(referred, n),
        "below threshold": exact(sum(r.triage == "none" for r in results), n),
        "ruled out": exact(sum(any(d.decision == "below" for d in r.certified) for r in results), n),
    }
    return line(
        "outside fates", name, figures, n=n, unit_of_n="films", data="films of other hospitals", interval="exact"
    )


def _nothing(examination: Examination) -> None:
    """No output but the result."""


def _truth(names: Sequence[str]) -> int:
    return 1 if FINDING in names else 0 if NORMAL in names else -1


def _probability(result: ScreeningResult) -> float:
    return next(f.probability for f in result.findings if f.name == FINDING)


def _share(what: NDArray[np.bool_], among: NDArray[np.bool_]) -> Estimate:
    return exact(int((what & among).sum()), int(among.sum()))
