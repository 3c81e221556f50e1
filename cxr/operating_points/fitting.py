"""Fit the operating points of a model on its calibration split, or refuse and say how many patients are missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr.errors import OperatingPointError
from cxr.operating_points.calibration_data import (
    calibration_sha256,
    check_calibration_data,
    one_image_per_patient,
    patient_codes,
    patient_labels,
    patient_score,
)
from cxr.operating_points.certificate import (
    Certificate,
    CertificateRefusal,
    Criterion,
    OperatingPoint,
    Proportion,
    SubgroupRate,
)
from cxr.operating_points.operating_point_set import OperatingPointSet
from cxr.operating_points.risk_control import family_level, furthest_rule_out, order_statistic, required_sample
from cxr.operating_points.two_sided import (
    VIEWS,
    LevelPoint,
    Rule,
    TwoSidedCertificates,
    predictive_values,
    target_score,
)

__all__ = ["fit_operating_points", "fit_two_sided"]

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """One image per patient with (``diseased``) and without (``healthy``) one target, as image indices."""

    scores: _Floats  # (N,) of all images
    labels: _Floats  # (N,) 1, 0 or NaN
    healthy: NDArray[np.int64]
    diseased: NDArray[np.int64]


def _sentence(criterion: Criterion, who: str, limit: float, delta: float, n: int, k: int) -> str:
    confidence = f"With {100 * (1 - delta):.5g}% confidence at most {limit:.3g} of"
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


def rule_in(
    sample: Sample, who: str, alpha: float, delta: float, subgroups: Mapping[str, Sequence[str]]
) -> OperatingPoint:
    """``score > threshold`` with a false-positive rate of at most ``alpha``."""
    chosen = order_statistic(sample.scores[sample.healthy], alpha, delta)
    if chosen is None:
        return _refuse("false_positive_rate", len(sample.healthy), alpha, delta)
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


def rule_out(
    sample: Sample, who: str, beta: float, delta: float, subgroups: Mapping[str, Sequence[str]]
) -> OperatingPoint:
    """``score < threshold`` with a miss rate of at most ``beta``."""
    diseased = sample.scores[sample.diseased]
    # The score of every diseased patient is a candidate: between two of them the misses do not change.
    chosen = furthest_rule_out(diseased, diseased, beta, delta)
    if chosen is None:
        return _refuse("miss_rate", len(diseased), beta, delta)
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


def _refuse(criterion: Criterion, n: int, limit: float, delta: float) -> CertificateRefusal:
    """The refusal for a sample of ``n`` patients that is too small for ``limit`` and ``delta``."""
    required = required_sample(limit, delta)
    who = "without" if criterion == "false_positive_rate" else "with"
    reason = (
        f"{n} patients {who} the finding; {required} are needed to promise {criterion.replace('_', '-')} "
        f"<= {limit:g} with {1 - delta:.0%} confidence: {required - n} missing"
    )
    return CertificateRefusal(
        criterion=criterion, limit=limit, delta=delta, n=n, required=required, missing=required - n, reason=reason
    )


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
    held_out: ArrayLike | None = None,
) -> OperatingPointSet:
    """Fit thresholds with finite-sample guarantees, per finding and for the patient.

    One image is drawn at random of every patient without the finding (for false positives) and of every
    patient with it (for misses), so that each sample is independent. The guarantee is about the next
    patient of the same population, examined once.

    The scores must come from a function fixed before these patients were seen. A strictly increasing
    calibration fitted on some of the very same patients leaves the per-finding guarantees exact, because ranks do
    not change. The patient's score compares findings by their calibration, so that its points must rest on other
    patients: those that ``held_out`` marks.

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
        held_out: (N,) whether the image's patient had no part in calibrating the scores; all, if not given.

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

    apart = _held_out(held_out, len(codes))

    def sample(target_scores: _Floats, target_labels: _Floats) -> Sample:
        rng = np.random.default_rng(seed)
        healthy, diseased = (one_image_per_patient(target_labels == v, codes, rng) for v in (0, 1))
        return Sample(target_scores, target_labels, healthy, diseased)

    samples = {name: sample(s[:, c], y[:, c]) for c, name in enumerate(label_space)}
    patient = sample(patient_score(s), np.where(apart, patient_labels(y), np.nan))
    return OperatingPointSet(
        created=datetime.now(UTC),
        model_sha256=model_sha256,
        calibration_sha256=calibration_sha256(s, y, patients, label_space),
        label_space=tuple(label_space),
        seed=seed,
        n_images=len(codes),
        n_patients=int(codes.max()) + 1 if len(codes) else 0,
        findings={name: rule_in(samples[name], name, alpha, delta, groups) for name in label_space},
        rule_out={name: rule_out(samples[name], name, miss_limit, delta, groups) for name in label_space},
        patient_level=rule_in(patient, "any finding", alpha, delta, groups),
        patient_rule_out=rule_out(patient, "any finding", miss_limit, delta, groups),
    ).sealed()


def fit_two_sided(
    scores: ArrayLike,
    labels: ArrayLike,
    patients: Sequence[str],
    label_space: Sequence[str],
    *,
    targets: Mapping[str, Sequence[str]] | None = None,
    views: Sequence[str] | None = None,
    limits: Sequence[float] = (0.01, 0.02, 0.05, 0.1),
    refer_limit: float = 0.05,
    miss_limit: float = 0.05,
    delta: float = 0.05,
    prevalences: Sequence[float] = (0.02, 0.1, 0.3),
    model_sha256: str | None = None,
    seed: int = 0,
    held_out: ArrayLike | None = None,
) -> TwoSidedCertificates:
    """Fit both rules of each target at every level; see :mod:`cxr.operating_points.two_sided`.

    The scores must come from a function fixed before these patients were seen, the calibration of a target of several
    findings included (:func:`~cxr.operating_points.calibration_data.share_of_patients`).

    Args:
        scores: (N, C) probabilities in [0, 1].
        labels: (N, C) 1, 0, or NaN where unknown. A target is there where any of its findings is, and absent where all
            are known to be absent.
        patients: (N,) patient of each image.
        label_space: C names, in the order of the columns.
        targets: name -> findings; each finding by itself if not given.
        views: (N,) view of each image; PA and AP are certified each by itself, others left out. One threshold holds for
            all images if not given, or where no view is known.
        limits: the levels, each in (0, 1).
        refer_limit: the level of ``refer`` that is used, one of them.
        miss_limit: the level of ``below`` that is used, one of them.
        delta: probability with which any promise of one rule at one level may fail.
        prevalences: at which predictive values are stated, each in (0, 1).
        model_sha256: hash of the model file the scores came from; without it no model can use the result.
        seed: draws one image per patient.
        held_out: (N,) whether the image's patient had no part in calibrating the scores; all, if not given. Targets of
            several findings rest on these alone.

    Raises:
        OperatingPointError: if shapes disagree, a score, label or level is out of range, or a target names an unknown
            finding or none.
    """
    s, y = check_calibration_data(scores, labels, patients, label_space)
    wanted = {name: (name,) for name in label_space} if targets is None else targets
    named = {name: tuple(findings) for name, findings in wanted.items()}
    levels = tuple(sorted(set(limits)))
    _check_two_sided(named, label_space, views, len(s))
    _check_levels(levels, prevalences, {"refer": refer_limit, "miss": miss_limit})
    apart = _held_out(held_out, len(s))
    codes, rng = patient_codes(patients), np.random.default_rng(seed)
    strata: dict[str | None, NDArray[np.bool_]] = {None: np.ones(len(s), dtype=bool)}
    if views is not None and set(VIEWS) & set(views):
        strata = {view: np.asarray(views) == view for view in VIEWS if view in views}
    films = {view: one_image_per_patient(chosen, codes, rng) for view, chosen in strata.items()}
    samples: dict[tuple[str, str | None], Sample] = {}
    for target, findings in named.items():
        columns = [label_space.index(name) for name in findings]
        of_target, there = target_score(s[:, columns]), patient_labels(y[:, columns])
        if len(findings) > 1:
            there = np.where(apart, there, np.nan)
        for view, chosen in strata.items():
            healthy, diseased = (one_image_per_patient(chosen & (there == v), codes, rng) for v in (0, 1))
            samples[target, view] = Sample(of_target, np.where(chosen, there, np.nan), healthy, diseased)
    points = [
        point
        for limit in levels
        for rule in ("refer", "below")
        for point in _family(rule, samples, films, limit, delta, prevalences)
    ]
    return TwoSidedCertificates(
        created=datetime.now(UTC),
        model_sha256=model_sha256,
        calibration_sha256=calibration_sha256(s, y, patients, label_space),
        label_space=tuple(label_space),
        seed=seed,
        n_images=len(codes),
        n_patients=int(codes.max()) + 1 if len(codes) else 0,
        targets=named,
        delta=delta,
        limits=levels,
        refer_limit=refer_limit,
        miss_limit=miss_limit,
        views=tuple(view for view in strata if view is not None),
        points=tuple(points),
    ).sealed()


def _check_levels(levels: Sequence[float], prevalences: Sequence[float], used: Mapping[str, float]) -> None:
    """Refuse levels and prevalences outside (0, 1), and a level in use that is none of the levels."""
    for name, values in (("level", levels), ("prevalence", prevalences)):
        odd = [value for value in values if not 0 < value < 1]
        if odd:
            raise OperatingPointError(f"{name} is {odd[0]}; it must lie strictly between 0 and 1")
    for name, value in used.items():
        if value not in levels:
            listed = ", ".join(f"{level:g}" for level in levels)
            raise OperatingPointError(f"the {name} limit {value:g} is none of the levels {listed}; name one of them")


def _held_out(held_out: ArrayLike | None, n: int) -> NDArray[np.bool_]:
    apart = np.ones(n, dtype=bool) if held_out is None else np.asarray(held_out, dtype=bool)
    if apart.shape != (n,):
        raise OperatingPointError(f"held_out has shape {apart.shape}; it marks each of the {n} images")
    return apart


def _check_two_sided(
    targets: Mapping[str, Sequence[str]],
    label_space: Sequence[str],
    views: Sequence[str] | None,
    n: int,
) -> None:
    for target, findings in targets.items():
        unknown = [name for name in findings if name not in label_space]
        if unknown or not findings:
            what = f"'{unknown[0]}', which has no scores" if unknown else "no finding"
            raise OperatingPointError(f"target '{target}' names {what}; known are {', '.join(label_space)}")
    if views is not None and len(views) != n:
        raise OperatingPointError(f"{len(views)} views for {n} images")


def _family(
    rule: Rule,
    samples: Mapping[tuple[str, str | None], Sample],
    films: Mapping[str | None, NDArray[np.int64]],
    limit: float,
    delta: float,
    prevalences: Sequence[float],
) -> list[LevelPoint]:
    """All promises of one rule at one level, which hold together."""
    sizes = [len(sample.healthy if rule == "refer" else sample.diseased) for sample in samples.values()]
    level = family_level(sizes, limit, delta)
    fit = rule_in if rule == "refer" else rule_out
    points = []
    for (target, view), sample in samples.items():
        point = fit(sample, target, limit, level, {})
        if not isinstance(point, Certificate):
            points.append(LevelPoint(target=target, rule=rule, view=view, point=point))
            continue
        drawn = sample.scores[films[view]]
        hit = drawn > point.threshold if rule == "refer" else drawn < point.threshold
        other = point.sensitivity if rule == "refer" else point.specificity
        points.append(
            LevelPoint(
                target=target,
                rule=rule,
                view=view,
                point=point,
                decided=Proportion.of(int(hit.sum()), len(hit)),
                predictive_values=predictive_values(rule, limit, other, prevalences),
            )
        )
    return points
