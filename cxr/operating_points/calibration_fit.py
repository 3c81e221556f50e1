"""Fit the calibration of every finding, and choose its method by patient-wise cross-validation."""

from collections.abc import Callable, Sequence

import numpy as np
import scipy  # its parts are imported when they are first used
from numpy.typing import ArrayLike, NDArray

from cxr.errors import OperatingPointError
from cxr.operating_points.calibration import Calibrator, FindingCalibration, Knot, Method
from cxr.operating_points.calibration_data import patient_codes

__all__ = ["fit_calibrator", "platt_line"]

_FOLDS = 5
_EQUAL_RATES = 1e-9
_SMALLEST_SLOPE = 1e-3  # a calibration must keep the ranking, however poor the model

_Array = NDArray[np.float64]


def _log_losses(calibrated_logits: _Array, targets: _Array) -> _Array:
    """Log loss of each image in nats; ``targets`` may be soft."""
    return np.logaddexp(0.0, calibrated_logits) - targets * calibrated_logits


def platt_line(logits: _Array, labels: _Array, *, with_intercept: bool = True) -> tuple[float, float]:
    """Slope and intercept of the smallest log loss against Platt's targets.

    Those targets (1999, section 2.2) keep the fit finite where the classes are separable.

    Args:
        logits: (N,) float64.
        labels: (N,) 1 or 0, both of them there.
        with_intercept: otherwise the intercept is 0.
    """
    positive, negative = labels.sum(), len(labels) - labels.sum()
    targets = np.where(labels == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss_and_gradient(parameters: _Array) -> tuple[float, _Array]:
        slope, intercept = parameters
        z = slope * logits + intercept
        residual = scipy.special.expit(z) - targets
        gradient = np.array([np.mean(residual * logits), np.mean(residual) if with_intercept else 0.0])
        return float(_log_losses(z, targets).mean()), gradient

    # Here, because the clinic imports this package only to apply a calibration, and must start fast.
    from scipy.optimize import minimize

    found = minimize(
        loss_and_gradient,
        x0=np.array([1.0, 0.0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(_SMALLEST_SLOPE, None), (None, None)],
    )
    return float(found.x[0]), float(found.x[1])


def _temperature(name: str, logits: _Array, labels: _Array) -> FindingCalibration:
    slope, _ = platt_line(logits, labels, with_intercept=False)
    return FindingCalibration(name=name, method="temperature", slope=slope, prevalence=float(labels.mean()))


def _platt(name: str, logits: _Array, labels: _Array) -> FindingCalibration:
    slope, intercept = platt_line(logits, labels, with_intercept=True)
    return FindingCalibration(
        name=name, method="platt", slope=slope, intercept=intercept, prevalence=float(labels.mean())
    )


def _isotonic(name: str, logits: _Array, labels: _Array) -> FindingCalibration:
    """Centred isotonic regression; falls back to Platt where everything pools into one block."""
    from scipy.optimize import isotonic_regression  # here: slow to import, and applying does not need it

    platt = _platt(name, logits, labels)
    values, group = np.unique(logits, return_inverse=True)
    weights = np.bincount(group).astype(np.float64)
    positives = np.bincount(group, weights=labels)
    pooled = isotonic_regression(positives / weights, weights=weights).x
    # Neighbouring blocks of equal rate are one block, also where rounding tells them apart.
    starts = np.r_[0, np.flatnonzero(np.diff(pooled) > _EQUAL_RATES) + 1]
    sizes, counts, sums = (np.add.reduceat(part, starts) for part in (weights, positives, weights * values))
    centres, rates = sums / sizes, counts / sizes
    if len(rates) < 2:
        return platt
    # Rates of exactly 0 and 1 occur only at the ends and have no logit: take half a patient, keeping the order.
    if rates[0] == 0:
        rates[0] = min(0.5 / (sizes[0] + 1), rates[1] / 2)
    if rates[-1] == 1:
        rates[-1] = max(1 - 0.5 / (sizes[-1] + 1), (1 + rates[-2]) / 2)
    knots = tuple(
        Knot(raw=float(z), calibrated=float(p)) for z, p in zip(centres, scipy.special.logit(rates), strict=True)
    )
    return FindingCalibration(name=name, method="isotonic", slope=platt.slope, knots=knots, prevalence=platt.prevalence)


# From the fewest to the most free parameters.
_METHODS: dict[Method, Callable[[str, _Array, _Array], FindingCalibration]] = {
    "temperature": _temperature,
    "platt": _platt,
    "isotonic": _isotonic,
}


def _cross_validated(name: str, logits: _Array, labels: _Array, folds: NDArray[np.int64]) -> dict[Method, _Array]:
    """Log loss of each method on every image, fitted on other patients."""
    losses: dict[Method, _Array] = {method: np.empty(len(labels)) for method in _METHODS}
    for fold in range(_FOLDS):
        held_out = folds == fold
        for method, fit in _METHODS.items():
            calibration = fit(name, logits[~held_out], labels[~held_out])
            losses[method][held_out] = _log_losses(calibration.transform(logits[held_out]), labels[held_out])
    return losses


def _simplest_good(losses: dict[Method, _Array]) -> Method:
    """The first method whose mean loss is within one standard error of the best one's."""
    best = min(losses.values(), key=lambda loss: float(loss.mean()))

    def is_as_good(loss: _Array) -> bool:
        difference = loss - best
        return bool(difference.mean() <= difference.std() / np.sqrt(len(difference)))

    return next(method for method, loss in losses.items() if is_as_good(loss))


def _fit_finding(name: str, logits: _Array, labels: _Array, codes: NDArray[np.int64], seed: int) -> FindingCalibration:
    rng = np.random.default_rng(seed)
    positives, negatives = (np.unique(codes[labels == value]) for value in (1, 0))
    if not len(positives) or not len(negatives):
        prevalence = float(labels.mean()) if len(labels) else 0.0
        return FindingCalibration(name=name, method="identity", prevalence=prevalence)
    if min(len(positives), len(negatives)) < 2 * _FOLDS:
        return _platt(name, logits, labels)  # too few patients to compare methods: the smoothed line
    # Folds are drawn among patients with and without the finding separately, so that each fold has both.
    fold_of_patient = np.empty(codes.max() + 1, dtype=np.int64)
    for group in (np.setdiff1d(negatives, positives), positives):
        fold_of_patient[rng.permutation(group)] = np.arange(len(group)) % _FOLDS
    losses = _cross_validated(name, logits, labels, fold_of_patient[codes])
    means = {method: float(loss.mean()) for method, loss in losses.items()}
    return _METHODS[_simplest_good(losses)](name, logits, labels).model_copy(update={"log_loss": means})


def fit_calibrator(
    logits: ArrayLike, labels: ArrayLike, patients: Sequence[str], label_space: Sequence[str], seed: int = 0
) -> Calibrator:
    """Fit temperature, Platt and isotonic maps and keep, per finding, the simplest that predicts other patients well.

    Args:
        logits: (N, C) the network's outputs on the calibration split.
        labels: (N, C) 1, 0, or NaN where unknown.
        patients: (N,) patient of each image; one patient is never in two folds.
        label_space: C names, in the order of the columns.
        seed: decides the folds.

    Raises:
        OperatingPointError: if shapes disagree, a logit is not finite, or a label is not 1, 0 or NaN.
    """
    scores, truth = np.asarray(logits, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if scores.shape != truth.shape or scores.shape != (len(patients), len(label_space)):
        raise OperatingPointError(
            f"logits {scores.shape}, labels {truth.shape}, {len(patients)} patients and {len(label_space)} "
            "findings do not fit together"
        )
    if not np.isfinite(scores).all():
        raise OperatingPointError("logits hold a number that is not finite")
    if not np.isin(truth[~np.isnan(truth)], (0, 1)).all():
        raise OperatingPointError("labels must be 1, 0 or NaN (unknown); set uncertain ones to NaN first")
    codes = patient_codes(patients)
    findings = []
    for c, name in enumerate(label_space):
        known = ~np.isnan(truth[:, c])
        findings.append(_fit_finding(name, scores[known, c], truth[known, c], codes[known], seed))
    return Calibrator(findings=tuple(findings))
