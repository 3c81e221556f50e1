"""A reading room at 90 % load, on the films of test_dev: how long a finding waits by our order, against first come.

Simulated after Annarumma 2019 (doi:10.1148/radiol.2018180921): films arrive as a Poisson process, one reader reads one
after the other, each equally long, and takes next the film that stands first on the worklist (referrals before the
rest, and within each the highest expected cost of waiting), or the first that came. Every draw resamples the patients
of test_dev, so that intervals hold their sampling too. Times count in readings.
"""

import heapq

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import Row, line
from benchmarks.shipped_model import DATA, shipped_on_test_dev
from cxr.evaluation import Estimate
from cxr.operating_points.calibration_data import patient_codes
from cxr.outputs.urgency import waiting_costs
from cxr.outputs.writers.worklist import TRIAGE_ORDER
from cxr.screening import Bundle

ROOMS = 200
ARRIVALS = 2000
LOAD = 0.9
CRITICAL = ("Pneumothorax", "Effusion", "Edema", "Pneumonia", "Consolidation")

_Floats = NDArray[np.float64]


def waits(arrivals: _Floats, priorities: _Floats) -> _Floats:
    """Time from arrival to the start of reading, (N,), where the reader takes the highest priority that waits.

    Args:
        arrivals: (N,) rising, in units of one reading.
        priorities: (N,), highest first; equal ones are read as they came.
    """
    waiting: list[tuple[float, int]] = []
    found, clock, arrived = np.zeros(len(arrivals)), 0.0, 0
    for _ in range(len(arrivals)):
        if not waiting:
            clock = max(clock, float(arrivals[arrived]))
        while arrived < len(arrivals) and arrivals[arrived] <= clock:
            heapq.heappush(waiting, (-float(priorities[arrived]), arrived))
            arrived += 1
        _, film = heapq.heappop(waiting)
        found[film] = clock - arrivals[film]
        clock += 1
    return found


def run() -> list[Row]:
    """Mean and 90th percentile of each critical finding's wait by both orders, and their ratio."""
    predictions = shipped_on_test_dev().predictions
    names = predictions.label_names
    weights = np.array([waiting_costs().weights.get(name, 0.0) for name in names])
    costs = predictions.probabilities @ weights
    points = Bundle.load().operating_points
    states = points.triage_all(predictions.probabilities[:, [names.index(name) for name in points.label_space]])
    ranks = np.array([TRIAGE_ORDER.index(state) for state in states])
    priorities = costs - ranks * (weights.sum() + 1)  # no cost is above the sum: the state comes first
    codes, rng = patient_codes(predictions.patients), np.random.default_rng(0)
    by_patient = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    told = [*(name for name in CRITICAL if name in names), "none of the findings"]
    columns = ("mean, first come", "mean, ours", "90 %, first come", "90 %, ours", "mean, ratio", "90 %, ratio")
    measured = {name: np.full((ROOMS, len(columns)), np.nan) for name in told}
    for room in range(ROOMS):
        drawn = rng.integers(len(by_patient), size=len(by_patient))
        pool = np.concatenate([by_patient[patient] for patient in drawn])
        films = rng.choice(pool, ARRIVALS)
        arrivals = np.cumsum(rng.exponential(1 / LOAD, ARRIVALS))
        first, ours = waits(arrivals, np.zeros(ARRIVALS)), waits(arrivals, priorities[films])
        labels = predictions.labels[films]
        for name in told:
            there = (labels == 0).all(axis=1) if name not in names else labels[:, names.index(name)] == 1
            if there.any():
                means, tails = ([f(w[there]) for w in (first, ours)] for f in (np.mean, _ninetieth))
                measured[name][room] = [*means, *tails, means[1] / means[0], tails[1] / tails[0]]
    rows: list[Row] = []
    for name, figures in measured.items():
        seen = figures[~np.isnan(figures).any(axis=1)]
        low, high = np.percentile(seen, (2.5, 97.5), axis=0)
        middle = np.median(seen, axis=0)
        rows += line(
            "reading room",
            name,
            {c: Estimate(float(m), float(a), float(b)) for c, m, a, b in zip(columns, middle, low, high, strict=True)},
            n=len(seen),
            unit_of_n="simulated rooms",
            data=f"{DATA}; load {100 * LOAD:.0f} %, {ARRIVALS:,} films each, waits in readings",
        )
    return rows


def _ninetieth(values: _Floats) -> float:
    return float(np.percentile(values, 90))
