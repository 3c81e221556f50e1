"""Do the shipped certificates hold on other patients? ``cxr operating-points check`` on test_dev, over many draws.

A certificate is about patients, one film each; test_dev has several films of most. Each draw takes one film per patient
anew, and tests every certificate as the command does. The draws are of the same patients: their spread is that of the
choice of films, not of the patients. The second table says how much is decided: which films the two-sided
certificates refer or rule out for a finding, and how many with and without it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import Row, line, over_seeds
from benchmarks.shipped_model import DATA, shipped_on_test_dev
from cxr.benchmark.tables import LabeledPredictions
from cxr.evaluation import Estimate
from cxr.evaluation.bootstrap import bootstrap, percentile_interval
from cxr.evaluation.classification import evaluate_classification
from cxr.operating_points import TwoSidedCertificates, audit_certificates
from cxr.operating_points.two_sided import target_score
from cxr.screening import Bundle
from nlp_labeler.findings import ANCESTORS, CHESTXRAY8

__all__ = ["run"]

DRAWS = 20
ALPHA = 0.05


def run() -> list[Row]:
    """Per certificate its promise, the rate of false positives over the draws, and the verdicts."""
    points, predictions = Bundle.load().operating_points, shipped_on_test_dev().predictions
    columns = [predictions.label_names.index(name) for name in points.label_space]
    scores, labels = predictions.probabilities[:, columns], predictions.labels[:, columns]
    draws = [audit_certificates(points, scores, labels, predictions.patients, seed) for seed in range(DRAWS)]
    rows: list[Row] = []
    for checks in zip(*draws, strict=True):
        found = [check.errors for check in checks if check.errors is not None]
        verdicts = [check.verdict for check in checks]
        rates = [errors.rate for errors in found]
        limit = checks[0].certificate.limit
        figures = {
            "promised at most": limit,
            "false positives, mean of the draws": over_seeds(rates),
            "draws above the promise": float(sum(rate > limit for rate in rates)),
            "broken": float(verdicts.count("broken")),
            "undecided": float(verdicts.count("undecided")),
            "confirmed": float(verdicts.count("confirmed")),
        }
        rows += line(
            "shipped certificates",
            checks[0].name,
            figures,
            n=round(sum(errors.n for errors in found) / len(found)),
            unit_of_n="patients without it",
            data=f"{DATA}, {DRAWS} draws of one film per patient",
            interval="range over draws",
        )
    return [*rows, *_decided_rows(Bundle.load(), predictions), *_eight_rows(Bundle.load(), predictions)]


def _decided_rows(bundle: Bundle, predictions: LabeledPredictions) -> list[Row]:
    """Shares of films that the two-sided certificates decide as the Screener does, per target and for any of them.

    The view is that of the dataset, as a DICOM header would tell it.
    """
    certificates, names = bundle.two_sided, predictions.label_names
    if certificates is None:
        return []
    decided = [
        _decisions(bundle, certificates, dict(zip(names, p, strict=True)), view)
        for p, view in zip(predictions.probabilities.tolist(), predictions.attributes["view"], strict=True)
    ]
    rows: list[Row] = []
    any_finding = tuple(dict.fromkeys(name for target in certificates.targets.values() for name in target))
    for target, findings in {**certificates.targets, "any target": any_finding}.items():
        of_target = [set(d.values()) if target not in certificates.targets else {d.get(target)} for d in decided]
        refer, below = (np.array([rule in d for d in of_target]) for rule in ("refer", "below"))
        labels = predictions.labels[:, [names.index(name) for name in findings]]
        there, absent = (labels == 1).any(axis=1), (labels == 0).all(axis=1)
        figures = {
            "decided": _share(refer | below, np.ones(len(refer), bool), predictions.patients),
            "referred": _share(refer, np.ones(len(refer), bool), predictions.patients),
            "ruled out": _share(below, np.ones(len(refer), bool), predictions.patients),
            "referred, of those with it": _share(refer, there, predictions.patients),
            "referred, of those without it": _share(refer, absent, predictions.patients),
        }
        if target in certificates.targets:  # what is ruled out for one target says nothing of another's findings
            figures["ruled out, of those with it"] = _share(below, there, predictions.patients)
            figures["ruled out, of those without it"] = _share(below, absent, predictions.patients)
        levels = f"refer at {certificates.refer_limit:g}, below at {certificates.miss_limit:g}"
        rows += line("decided", target, figures, n=len(refer), unit_of_n="films", data=f"{DATA}; {levels}")
    return rows


def _eight_rows(bundle: Bundle, predictions: LabeledPredictions) -> list[Row]:
    """Patients with any of the eight against those with none: by one score of the eight, and as referrals find them."""
    if bundle.two_sided is None:
        return []
    names = predictions.label_names
    eight = [names.index(name) for name in CHESTXRAY8]
    ill, scores = (predictions.labels[:, eight] == 1).any(axis=1), target_score(predictions.probabilities[:, eight])
    rows: list[Row] = []
    for against, columns in {"none of the fourteen": range(len(names)), "none of the eight": eight}.items():
        healthy = (predictions.labels[:, list(columns)] == 0).all(axis=1)
        truth = np.where(ill, 1.0, np.where(healthy, 0.0, np.nan))
        report = evaluate_classification(
            truth[:, None], scores[:, None], predictions.patients, ("any of the eight",), max_fpr=ALPHA
        ).per_label["any of the eight"]
        figures: dict[str, float | Estimate] = {
            "AUC": report.auc,
            f"sensitivity at {100 * ALPHA:g} % false positives": report.sensitivity,
        }
        for limit in (0.05, 0.1):
            certificates = bundle.two_sided.model_copy(update={"refer_limit": limit, "miss_limit": limit})
            referred = np.array(
                [
                    "refer" in _decisions(bundle, certificates, dict(zip(names, p, strict=True)), view).values()
                    for p, view in zip(predictions.probabilities.tolist(), predictions.attributes["view"], strict=True)
                ]
            )
            at = f"certified per finding at {100 * limit:g} %"
            figures[f"{at}, of those with it"] = _share(referred, ill, predictions.patients)
            figures[f"{at}, of those without"] = _share(referred, healthy, predictions.patients)
        rows += line("any of the eight", f"against {against}", figures, n=report.n, unit_of_n="films", data=DATA)
    return rows


def _decisions(
    bundle: Bundle, certificates: TwoSidedCertificates, probabilities: dict[str, float], view: str | None
) -> dict[str, str]:
    """Target -> ``refer`` or ``below`` of one film; what a positive finding belongs to is never below."""
    thresholds = {name: bundle.operating_points.threshold(name) for name in probabilities}
    positive = {name for name, t in thresholds.items() if t is not None and probabilities[name] > t}
    asserted = positive.union(*(ANCESTORS[name] for name in positive))
    return {p.target: p.rule for p in certificates.decide(probabilities, view, asserted)}


def _share(what: NDArray[np.bool_], among: NDArray[np.bool_], patients: Sequence[str]) -> Estimate:
    """Share of films, with its interval over patients."""
    drawn = bootstrap(lambda w: ((w @ (what & among)) / np.maximum(w @ among, 1e-9))[:, None], patients)
    low, high = percentile_interval(drawn.resampled)
    return Estimate(float(drawn.value[0]), float(low[0]), float(high[0]))
