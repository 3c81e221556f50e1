"""Fit the operating points of a model on its calibration split."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr.errors import OperatingPointError
from cxr.operating_points.certificate import Certificate, Criterion, OperatingPoint, Proportion, SubgroupRate, refuse
from cxr.operating_points.learn_then_test import furthest_rule_out
from cxr.operating_points.neyman_pearson import order_statistic
from cxr.operating_points.operating_point_set import OperatingPointSet
from cxr.operating_points.sampling import one_image_per_patient, patient_codes
from cxr.operating_points.triage import patient_score

__all__ = ["check_calibration_data", "fit_operating_points", "patient_labels"]

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Sample:
    """One image per patient with (``diseased``) and without (``healthy``) one target, as image indices."""

    scores: _Floats  # (N,) of all images
    labels: _Floats  # (N,) 1, 0 or NaN
    healthy: NDArray[np.int64]
    diseased: NDArray[np.int64]


def patient_labels(labels: _Floats) -> _Floats:
    """(N,) 1 where any finding is present, 0 where all are known to be absent, NaN otherwise."""
    unknown = np.isnan(labels).any(axis=1)
    return np.where((labels == 1).any(axis=1), 1.0, np.where(unknown, np.nan, 0.0))


def check_calibration_data(
    scores: ArrayLike, labels: ArrayLike, patients: Sequence[str], label_space: Sequence[str]
) -> tuple[_Floats, _Floats]:
    """Scores and labels as arrays, (N, C) each.

    Raises:
        OperatingPointError: if shapes disagree, a score is outside [0, 1], or a label is not 1, 0 or NaN.
    """
    s, y = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    expected = (len(patients), len(label_space))
    if s.shape != expected or y.shape != expected or not len(label_space):
        raise OperatingPointError(
            f"scores {s.shape}, labels {y.shape}, {len(patients)} patients and {len(label_space)} findings do not fit"
        )
    if not ((s >= 0) & (s <= 1)).all():
        raise OperatingPointError("scores hold a value that is not a probability in [0, 1]")
    if not np.isin(y[~np.isnan(y)], (0, 1)).all():
        raise OperatingPointError("labels must be 1, 0 or NaN (unknown); set uncertain ones to NaN first")
    return s, y


def _sentence(criterion: Criterion, who: str, limit: float, delta: float, n: int, k: int) -> str:
    confidence = f"With {1 - delta:.0%} confidence at most {limit:.3g} of"
    source = f"threshold = score number {k} of {n}, one image per patient"
    if criterion == "false_positive_rate":
        return f"{confidence} patients without {who} score above the threshold ({source})."
    return f"{confidence} patients with {who} score below the threshold ({source})."


def _subgroup_rates(
    wrong: NDArray[np.bool_], images: NDArray[np.int64], subgroups: Mapping[str, Sequence[str]]
) -> tuple[SubgroupRate, ...]:
    rates = []
    for attribute, column in subgroups.items():
        values = np.asarray(column)[images]
        rates += [
            SubgroupRate(
                attribute=attribute,
                value=str(value),
                error=Proportion.of(int(wrong[values == value].sum()), int((values == value).sum())),
            )
            for value in np.unique(values)
        ]
    return tuple(rates)


def _rule_in(
    sample: _Sample, who: str, alpha: float, delta: float, subgroups: Mapping[str, Sequence[str]]
) -> OperatingPoint:
    """``score > threshold`` with a false-positive rate of at most ``alpha``."""
    chosen = order_statistic(sample.scores[sample.healthy], alpha, delta)
    if chosen is None:
        return refuse("false_positive_rate", len(sample.healthy), alpha, delta)
    flagged = sample.scores > chosen.threshold
    found = flagged[sample.diseased]
    return Certificate(
        criterion="false_positive_rate",
        limit=alpha,
        delta=delta,
        n=chosen.n,
        k=chosen.k,
        threshold=chosen.threshold,
        violation=chosen.violation,
        guarantee=_sentence("false_positive_rate", who, alpha, delta, chosen.n, chosen.k),
        sensitivity=Proportion.of(int(found.sum()), len(found)) if len(found) else None,
        image_rate=float(flagged[sample.labels == 0].mean()),
        subgroups=_subgroup_rates(flagged[sample.healthy], sample.healthy, subgroups),
    )


def _rule_out(
    sample: _Sample, who: str, beta: float, delta: float, subgroups: Mapping[str, Sequence[str]]
) -> OperatingPoint:
    """``score < threshold`` with a miss rate of at most ``beta``."""
    diseased = sample.scores[sample.diseased]
    # The score of every diseased patient is a candidate: between two of them the misses do not change.
    chosen = furthest_rule_out(diseased, diseased, beta, delta)
    if chosen is None:
        return refuse("miss_rate", len(diseased), beta, delta)
    cleared = sample.scores < chosen.threshold
    spared = cleared[sample.healthy]
    return Certificate(
        criterion="miss_rate",
        limit=beta,
        delta=delta,
        n=chosen.n,
        k=chosen.k,
        threshold=chosen.threshold,
        violation=chosen.p_value,
        guarantee=_sentence("miss_rate", who, beta, delta, chosen.n, chosen.k),
        specificity=Proportion.of(int(spared.sum()), len(spared)) if len(spared) else None,
        image_rate=float(cleared[sample.labels == 1].mean()),
        subgroups=_subgroup_rates(cleared[sample.diseased], sample.diseased, subgroups),
    )


def _sha256(scores: _Floats, labels: _Floats, patients: Sequence[str], label_space: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for part in (scores, labels):
        digest.update(np.ascontiguousarray(part, dtype="<f8").tobytes())
    digest.update("\n".join([*map(str, patients), *label_space]).encode())
    return digest.hexdigest()


def fit_operating_points(
    scores: ArrayLike,
    labels: ArrayLike,
    patients: Sequence[str],
    label_space: Sequence[str],
    alpha: float = 0.01,
    delta: float = 0.05,
    model_sha256: str | None = None,
    seed: int = 0,
    *,
    miss_limit: float = 0.05,
    subgroups: Mapping[str, Sequence[str]] | None = None,
) -> OperatingPointSet:
    """Fit thresholds with finite-sample guarantees, per finding and for the patient.

    One image is drawn at random of every patient without the finding (for false positives) and of every
    patient with it (for misses), so that each sample is independent. The guarantee is about the next
    patient of the same population, examined once.

    The scores must come from a function fixed before these patients were seen. A strictly increasing
    calibration fitted on the very same patients leaves the per-finding guarantees exact, because ranks do
    not change; only the comparison between findings at patient level then depends, slightly, on the sample.

    Args:
        scores: (N, C) probabilities in [0, 1].
        labels: (N, C) 1, 0, or NaN where unknown. A patient-level negative has all C findings at 0.
        patients: (N,) patient of each image.
        label_space: C names, in the order of the columns.
        alpha: highest acceptable false-positive rate, in (0, 1).
        delta: probability with which a promise may fail, in (0, 1); for each certificate by itself.
        model_sha256: hash of the model file the scores came from; without it no model can use the result.
        seed: draws the images.
        miss_limit: highest acceptable miss rate of the rule-out points, in (0, 1).
        subgroups: attribute -> (N,) value of each image, for the error rates by subgroup.

    Returns:
        The sealed set: a certificate for each point, or a refusal that says how many patients are missing.

    Raises:
        OperatingPointError: if shapes disagree, or a score, label or level is out of range.
    """
    s, y = check_calibration_data(scores, labels, patients, label_space)
    codes = patient_codes(patients)
    groups = subgroups or {}
    for attribute, column in groups.items():
        if len(column) != len(codes):
            raise OperatingPointError(f"subgroup '{attribute}' has {len(column)} values for {len(codes)} images")

    def sample(target_scores: _Floats, target_labels: _Floats) -> _Sample:
        rng = np.random.default_rng(seed)
        healthy, diseased = (one_image_per_patient(target_labels == v, codes, rng) for v in (0, 1))
        return _Sample(target_scores, target_labels, healthy, diseased)

    samples = {name: sample(s[:, c], y[:, c]) for c, name in enumerate(label_space)}
    patient = sample(patient_score(s), patient_labels(y))
    return OperatingPointSet(
        created=datetime.now(UTC),
        model_sha256=model_sha256,
        calibration_sha256=_sha256(s, y, patients, label_space),
        label_space=tuple(label_space),
        seed=seed,
        n_images=len(codes),
        n_patients=int(codes.max()) + 1 if len(codes) else 0,
        findings={name: _rule_in(samples[name], name, alpha, delta, groups) for name in label_space},
        rule_out={name: _rule_out(samples[name], name, miss_limit, delta, groups) for name in label_space},
        patient_level=_rule_in(patient, "any finding", alpha, delta, groups),
        patient_rule_out=_rule_out(patient, "any finding", miss_limit, delta, groups),
    ).sealed()
