"""Site acceptance on the public CheXNet scores, at hospitals with other patients; the shipped promises on test_dev.

The patients of the public predictions stand for the population. Promises are fitted on half of them; a hospital draws
its patients from the other half, one film each, with another share of AP films and of patients with a finding. What its
true error rates are is known, and whether a promise that was confirmed or withdrawn is kept there can be looked up.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.chexnet import DATA, chexnet_predictions
from benchmarks.record import Row, exact, line
from benchmarks.shipped_model import DATA as SHIPPED_DATA
from benchmarks.shipped_model import shipped_on_test_dev
from cxr.evaluation import Estimate
from cxr.operating_points import fit_operating_points, promises_of
from cxr.operating_points.betting import log_against_high, log_against_low
from cxr.operating_points.calibration_data import (
    one_image_per_patient,
    patient_codes,
    patient_labels,
    share_of_patients,
)
from cxr.screening import Bundle

TRIALS = 500
SPLITS = 200
FILMS = 2000
EARLY = 200
DELTA = 0.05
ALPHA = 0.05
SITES = {"as fitted": (1.0, 1.0), "AP films x 3": (3.0, 1.0), "ill x 3": (1.0, 3.0), "AP and ill x 3": (3.0, 3.0)}
"""How much more often than among the fitted patients a film is AP, and a patient has any finding (as odds)."""

_Floats = NDArray[np.float64]
_Counts = NDArray[np.int64]


def run() -> list[Row]:
    """False verdicts and time to verdicts at four hospitals, time to withdraw by excess, and test_dev."""
    return [*_sites(), *_weighted(), *_excess(), *_shipped()]


@dataclass(frozen=True)
class Bounds:
    """After n patients: errors from which a promise is withdrawn, and up to which it is confirmed (-1 for none)."""

    withdraw: _Counts  # (N,)
    confirm: _Counts  # (N,)

    @classmethod
    def of(cls, limit: float, promises: int, n: int = FILMS) -> "Bounds":
        """The bounds of :mod:`cxr.operating_points.site_acceptance`, tabulated by bisection for n = 1..N."""
        seen = np.arange(1, n + 1)
        low, high = np.zeros(n, dtype=np.int64), seen + 1
        while (high - low > 0).any():
            middle = (low + high) // 2
            enough = log_against_low(np.minimum(middle, seen), seen, limit) >= -math.log(DELTA)
            enough |= middle > seen
            low, high = np.where(enough, low, np.minimum(middle + 1, high)), np.where(enough, middle, high)
        withdraw = low
        low, high = np.full(n, -1), seen.copy()
        while (high - low > 1).any():
            middle = np.maximum((low + high) // 2, 0)
            enough = log_against_high(middle, seen, limit) >= math.log(promises / DELTA)
            move = high - low > 1
            low, high = np.where(move & enough, middle, low), np.where(move & ~enough, middle, high)
        zero = log_against_high(0, seen, limit) >= math.log(promises / DELTA)
        return cls(withdraw, np.where(zero, low, -1))

    def first(self, errors: _Counts) -> tuple[_Counts, _Counts]:
        """Of (T, n) running error counts, after how many patients (T,) each verdict fell; n + 1 for never."""
        n = errors.shape[1]
        crossed = (errors >= self.withdraw[:n], errors <= self.confirm[:n])
        withdrawn, confirmed = (np.where(c.any(axis=1), c.argmax(axis=1) + 1, n + 1) for c in crossed)
        return withdrawn, np.where(withdrawn <= n, n + 1, confirmed)


def _sites() -> list[Row]:
    data = chexnet_predictions()
    codes, rng = patient_codes(data.patients), np.random.default_rng(0)
    fitting = share_of_patients(data.patients, 0.5)
    points = fit_operating_points(
        data.probabilities[fitting],
        data.labels[fitting],
        [p for p, chosen in zip(data.patients, fitting, strict=True) if chosen],
        data.label_names,
        ALPHA,
        DELTA,
    )
    promises = [p for p in promises_of(points) if p.kind == "positive"]
    bounds = Bounds.of(ALPHA, len(promises))
    films = one_image_per_patient(~fitting, codes, rng)
    scores, labels = data.probabilities[films], data.labels[films]
    ap = np.asarray(data.attributes["view"])[films] == "AP"
    ill = patient_labels(labels) == 1
    rows: list[Row] = []
    for site, (ap_odds, ill_odds) in SITES.items():
        weights = np.where(ap, ap_odds, 1.0) * np.where(ill, ill_odds, 1.0)
        false_confirmed = np.zeros(TRIALS, dtype=bool)
        false_withdrawn, kept_tests, broken, found, confirmed_tests = 0, 0, 0, [], 0
        for promise in promises:
            columns = [data.label_names.index(name) for name in promise.findings]
            healthy = patient_labels(labels[:, columns]) == 0
            share = weights[healthy] / weights[healthy].sum()
            wrong = promise.scores(scores[healthy][:, columns]) > promise.certificate.threshold
            rate = float(share[wrong].sum())
            errors = np.cumsum(rng.random((TRIALS, FILMS)) < rate, axis=1, dtype=np.int64)
            withdrawn, confirmed = bounds.first(errors)
            if rate > ALPHA:
                broken += 1
                false_confirmed |= confirmed <= FILMS
                found.append(withdrawn)
            else:
                kept_tests += TRIALS
                false_withdrawn += int((withdrawn <= FILMS).sum())
                confirmed_tests += int((confirmed <= FILMS).sum())
        figures: dict[str, float | Estimate] = {
            "promises broken there": float(broken),
            "any false confirmation": exact(int(false_confirmed.sum()), TRIALS),
        }
        if found:
            early = int(sum((w <= EARLY).sum() for w in found))
            late = int(sum((w <= FILMS).sum() for w in found))
            figures[f"broken ones found in {EARLY}"] = exact(early, TRIALS * broken)
            figures[f"in {FILMS:,}"] = exact(late, TRIALS * broken)
        if kept_tests:
            figures["kept ones withdrawn"] = exact(false_withdrawn, kept_tests)
            figures[f"kept ones confirmed in {FILMS:,}"] = exact(confirmed_tests, kept_tests)
        rows += line(
            "site acceptance",
            site,
            figures,
            n=TRIALS,
            unit_of_n="hospitals",
            data=f"{DATA}; {len(promises)} promises of FPR <= {ALPHA:g}, looked at after each of {FILMS:,} patients",
            interval="exact",
        )
    return rows


def _weighted() -> list[Row]:
    """Thresholds that know how a hospital's patients differ, beside those that do not.

    Weighted conformal prediction (Tibshirani 2019): calibration patients count as much more or less as the hospital
    has of their kind, known here, and estimated at best in a hospital. Its promise is about the average over
    calibrations, without the certificate's confidence.
    """
    data = chexnet_predictions()
    codes, rng = patient_codes(data.patients), np.random.default_rng(3)
    names = data.label_names
    ill = patient_labels(data.labels) == 1
    ap = np.asarray(data.attributes["view"]) == "AP"
    excess: dict[str, dict[str, list[float]]] = {site: {"plain": [], "weighted": []} for site in SITES}
    effective: dict[str, list[float]] = {site: [] for site in SITES}
    for _ in range(SPLITS):
        half = rng.permutation(codes.max() + 1) < (codes.max() + 1) // 2
        fitted, held_out = (one_image_per_patient(half[codes] == side, codes, rng) for side in (True, False))
        for column in range(len(names)):
            here, there = (f[data.labels[f, column] == 0] for f in (fitted, held_out))
            scores, others = data.probabilities[here, column], data.probabilities[there, column]
            for site, (ap_odds, ill_odds) in SITES.items():
                kind = [np.where(ap[f], ap_odds, 1.0) * np.where(ill[f], ill_odds, 1.0) for f in (here, there)]
                share = kind[1] / kind[1].sum()
                plain = weighted_thresholds(scores, np.ones(len(scores)), np.ones(1))[0]
                own = dict(zip(*(v := np.unique(kind[1]), weighted_thresholds(scores, kind[0], v)), strict=True))
                limits = np.array([own[weight] for weight in kind[1]])
                excess[site]["plain"].append(float(share[others > plain].sum()))
                excess[site]["weighted"].append(float(share[others > limits].sum()))
                effective[site].append(float(kind[0].sum() ** 2 / (kind[0] ** 2).sum() / len(scores)))
    rows: list[Row] = []
    for site, rates in excess.items():
        shaped = {name: np.reshape(values, (SPLITS, len(names))).mean(axis=0) for name, values in rates.items()}
        figures: dict[str, float | Estimate] = {}
        for name, values in shaped.items():
            figures[f"false positives, {name}"] = Estimate(
                float(values.mean()), float(values.min()), float(values.max())
            )
        figures["effective share of n"] = float(np.mean(effective[site]))
        rows += line(
            "weighted conformal",
            site,
            figures,
            n=SPLITS,
            unit_of_n="splits of the patients",
            data=f"{DATA}; 5 % promised on average, per finding",
            interval="range over findings",
        )
    return rows


def weighted_thresholds(scores: _Floats, weights: _Floats, own: _Floats) -> _Floats:
    """For a patient of each weight in ``own``: the lowest score that few enough of the weighted patients exceed."""
    order = np.argsort(scores)
    above = np.concatenate([np.cumsum(weights[order][::-1])[::-1][1:], [0.0]])
    ranked = scores[order]
    return np.array([next(iter(ranked[above + weight <= ALPHA * (weights.sum() + weight)]), np.inf) for weight in own])


def _excess() -> list[Row]:
    """Median number of patients until a promise falls whose true rate is a multiple of the limit."""
    rng = np.random.default_rng(1)
    rows: list[Row] = []
    for limit in (0.01, 0.05, 0.1):
        bounds = Bounds.of(limit, 1)
        figures: dict[str, float] = {}
        for times in (1.5, 2.0, 3.0, 5.0):
            errors = np.cumsum(rng.random((TRIALS, FILMS)) < times * limit, axis=1, dtype=np.int64)
            withdrawn, _ = bounds.first(errors)
            median = float(np.median(withdrawn))
            if median <= FILMS:
                figures[f"{times:g} x the limit"] = median
        rows += line(
            "patients until withdrawal",
            f"errors <= {100 * limit:g} %",
            figures,
            n=TRIALS,
            unit_of_n="streams",
            data="independent errors; median number of patients whom the promise is about",
        )
    return rows


def _shipped() -> list[Row]:
    """The shipped promises on test_dev, in random order: verdicts after 200 films and after all."""
    points, predictions = Bundle.load().operating_points, shipped_on_test_dev().predictions
    order = [predictions.label_names.index(name) for name in points.label_space]
    scores, labels = predictions.probabilities[:, order], predictions.labels[:, order]
    codes = patient_codes(predictions.patients)
    promises = [p for p in promises_of(points) if p.kind == "positive"]
    bounds = {p.certificate.limit: Bounds.of(p.certificate.limit, len(promises), len(codes)) for p in promises}
    rows: list[Row] = []
    for promise in promises:
        columns = [points.label_space.index(name) for name in promise.findings]
        healthy = np.flatnonzero(patient_labels(labels[:, columns]) == 0)
        wrong = promise.scores(scores[:, columns]) > promise.certificate.threshold
        rng = np.random.default_rng(2)
        early, late, confirmed_late, rates = 0, 0, 0, []
        for _ in range(TRIALS):
            shuffled = rng.permutation(len(codes))
            films = shuffled[np.isin(shuffled, healthy, assume_unique=True)]
            first = np.sort(np.unique(codes[films], return_index=True)[1])
            films, place = films[first], np.flatnonzero(np.isin(shuffled, films[first], assume_unique=True))
            withdrawn, confirmed = bounds[promise.certificate.limit].first(
                np.cumsum(wrong[films], dtype=np.int64)[None]
            )
            settled = withdrawn[0] <= len(films)
            early += bool(settled and place[withdrawn[0] - 1] < EARLY)
            late += bool(settled)
            confirmed_late += bool(confirmed[0] <= len(films))
            rates.append(wrong[films].mean())
        figures: dict[str, float | Estimate] = {
            "promised at most": promise.certificate.limit,
            "false positives": float(np.mean(rates)),
            f"withdrawn in {EARLY} films": exact(early, TRIALS),
            "withdrawn in all": exact(late, TRIALS),
            "confirmed in all": exact(confirmed_late, TRIALS),
        }
        rows += line(
            "shipped promises at a site",
            promise.name,
            figures,
            n=TRIALS,
            unit_of_n="orders of the films",
            data=SHIPPED_DATA,
            interval="exact",
            note=f"{len(np.unique(codes[healthy]))} patients without it; orders are of the same films",
        )
    return rows
