"""Can named findings be ruled out, and does the promise hold? Two-sided certificates on the public CheXNet scores.

Two experiments, a thousand times each. Where patients are drawn, the patients of the public predictions stand for the
population: as many as there are are drawn from them independently, thresholds are chosen, and their true miss rates are
looked up. A promise is broken where that rate is above the limit, a family where any of its promises is. Where patients
are split, half of them choose the threshold, and the other half shows misses and films released, with its own noise on
top: the promise counts as contradicted where so many misses are too unlikely under it (exact binomial test at 5 %).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc

from benchmarks.chexnet import DATA, chexnet_predictions
from benchmarks.operating_points import Population
from benchmarks.record import Row, exact, line
from cxr.benchmark.tables import LabeledPredictions
from cxr.evaluation import Estimate
from cxr.operating_points import Certificate, fit_two_sided
from cxr.operating_points.calibration_data import (
    one_image_per_patient,
    patient_codes,
    patient_labels,
    share_of_patients,
)
from cxr.operating_points.risk_control import family_level, furthest_rule_out
from cxr.operating_points.two_sided import target_score

TRIALS = 1000
DELTA = 0.05
LIMITS = (0.01, 0.02, 0.05, 0.1)
PREVALENCES = (0.02, 0.1, 0.3)
ACUTE = ("Effusion", "Pneumothorax", "Edema", "Pneumonia", "Consolidation", "Cardiomegaly")

_Floats = NDArray[np.float64]


def run() -> list[Row]:
    """What is released at which promise, how often promises break, and the table that a clinic chooses from."""
    data = chexnet_predictions()
    together = {"acute six": ACUTE}
    each = {name: (name,) for name in ACUTE}
    return [
        *_level_table(data, together, None),
        *_level_table(data, together, data.attributes["view"]),
        *_level_table(data, each, None),
        *_drawn(data, together),
        *_drawn(data, each),
        *_split(data),
    ]


def _scored(data: LabeledPredictions, findings: Sequence[str]) -> tuple[_Floats, _Floats]:
    """(N,) scores and labels of a target."""
    columns = [data.label_names.index(name) for name in findings]
    return target_score(data.probabilities[:, columns]), patient_labels(data.labels[:, columns])


def _level_table(
    data: LabeledPredictions, targets: Mapping[str, Sequence[str]], views: Sequence[str] | None
) -> list[Row]:
    """Share of films decided and predictive values, fitted on all patients; a refusal is the number missing."""
    fitted = fit_two_sided(
        data.probabilities,
        data.labels,
        data.patients,
        data.label_names,
        targets=targets,
        views=views,
        limits=LIMITS,
        delta=DELTA,
        prevalences=PREVALENCES,
    )
    rows: list[Row] = []
    for p in fitted.points:
        figures: dict[str, float] = {}
        if isinstance(p.point, Certificate) and p.decided is not None:
            other = p.point.specificity if p.rule == "below" else p.point.sensitivity
            figures = {"decided": p.decided.rate} | ({"of the other class": other.rate} if other else {})
            value = "NPV" if p.rule == "below" else "PPV"
            figures |= {f"{value} at {100 * v.prevalence:g} %": v.at_least for v in p.predictive_values}
        else:
            figures = {"patients missing": float(getattr(p.point, "missing", 0))}
        name = f"{p.target}{f', {p.view}' if p.view else ''}, error <= {100 * p.point.limit:g} %"
        rows += line(f"{p.rule} levels", name, figures, n=p.point.n, unit_of_n="patients", data=DATA)
    return rows


def _drawn(data: LabeledPredictions, targets: Mapping[str, Sequence[str]]) -> list[Row]:
    """How often a promise, and any of a family, is broken by the true miss rate."""
    codes, rng = patient_codes(data.patients), np.random.default_rng(0)
    populations = {}
    for name, findings in targets.items():
        scores, there = _scored(data, findings)
        populations[name] = tuple(Population.of(scores, there == value, codes) for value in (1, 0))
    rows: list[Row] = []
    for limit in LIMITS:
        level = family_level([diseased.n_patients for diseased, _ in populations.values()], limit, DELTA)
        misses, released = (np.full((TRIALS, len(populations)), np.nan) for _ in range(2))
        for trial in range(TRIALS):
            for t, (diseased, healthy) in enumerate(populations.values()):
                sample = diseased.draw(diseased.n_patients, rng)
                chosen = furthest_rule_out(sample, sample, limit, level)
                if chosen is not None:
                    misses[trial, t] = _rate_below(diseased, chosen.threshold)
                    released[trial, t] = _rate_below(healthy, chosen.threshold)
        certified = ~np.isnan(misses)
        family = ", ".join(targets)
        broken = exact(int((misses > limit).any(axis=1).sum()), TRIALS)
        rows += line(
            "rule-out promises",
            f"{family}, misses <= {100 * limit:g} %",
            {"any promise broken": broken, "targets certified": float(certified.any(axis=0).sum())},
            n=TRIALS,
            unit_of_n="calibration samples",
            data=DATA,
            interval="exact",
            note=f"as many patients as there are, delta {DELTA:g} for all targets together",
        )
        for t, name in enumerate(populations):
            if certified[:, t].all():
                figures = {"negatives released": float(released[:, t].mean()), "misses": float(misses[:, t].mean())}
                figures |= _true_values(float(misses[:, t].mean()), float(released[:, t].mean()))
                row = f"{name}, misses <= {100 * limit:g} %"
                unit = "calibration samples"
                rows += line("rule-out worth", row, figures, n=TRIALS, unit_of_n=unit, data=DATA)
    return rows


def _rate_below(population: Population, threshold: float) -> float:
    """Exact probability that a random image of a random patient scores below the threshold."""
    return float(population.weights[: np.searchsorted(population.scores, threshold, side="left")].sum())


def _true_values(miss: float, released: float) -> dict[str, float]:
    """Negative predictive value at the declared prevalences."""
    return {
        f"NPV at {100 * prevalence:g} %": released
        * (1 - prevalence)
        / (released * (1 - prevalence) + miss * prevalence)
        for prevalence in PREVALENCES
    }


def _split(data: LabeledPredictions) -> list[Row]:
    """The six together at 5 %: threshold from one half of the patients, misses and releases seen on the other."""
    scores, there = _scored(data, ACUTE)
    codes, limit = patient_codes(data.patients), 0.05
    missed, released, contradicted = np.empty(TRIALS), np.empty(TRIALS), np.empty(TRIALS)
    for trial in range(TRIALS):
        rng = np.random.default_rng(trial)
        fit = share_of_patients(data.patients, 0.5, trial)
        chosen_on = scores[one_image_per_patient(fit & (there == 1), codes, rng)]
        chosen = furthest_rule_out(chosen_on, chosen_on, limit, DELTA)
        if chosen is None:
            raise ValueError("half of the patients are too few for a promise of 5 %")
        diseased, healthy = (scores[one_image_per_patient(~fit & (there == v), codes, rng)] for v in (1, 0))
        misses = int((diseased < chosen.threshold).sum())
        missed[trial], released[trial] = misses / len(diseased), (healthy < chosen.threshold).mean()
        contradicted[trial] = misses > 0 and bdtrc(misses - 1, len(diseased), limit) <= DELTA
    figures: dict[str, float | Estimate] = {
        "sensitivity": float(1 - missed.mean()),
        "negatives released": float(released.mean()),
        "promise contradicted": exact(int(contradicted.sum()), TRIALS),
    }
    return line(
        "rule-out on the other half",
        f"acute six, misses <= {100 * limit:g} %",
        figures,
        n=TRIALS,
        unit_of_n="splits",
        data=DATA,
        interval="exact",
        note=f"{int((there == 1).sum())} films of {len(np.unique(codes[there == 1]))} patients with any of the six",
    )
