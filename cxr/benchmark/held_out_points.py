"""Operating points on patients they were not fitted on: does the promise hold, and what does it cost?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cxr.benchmark.tables import LabeledPredictions
from cxr.errors import OperatingPointError
from cxr.evaluation.decisions import DecisionReport, evaluate_decisions
from cxr.operating_points import (
    ANY_FINDING,
    Certificate,
    CertificateRefusal,
    OperatingPointSet,
    Proportion,
    fit_operating_points,
    patient_score,
)
from cxr.operating_points.calibration_data import (
    one_image_per_patient,
    patient_codes,
    patient_labels,
    share_of_patients,
)

__all__ = ["HeldOutPoint", "HeldOutPoints", "evaluate_points", "fit_on_half"]


@dataclass(frozen=True)
class HeldOutPoint:
    """One operating point on held-out patients.

    Attributes:
        point: the certificate, or why there is none.
        errors: what the certificate limits, false positives or misses, on one image per patient, the unit of
            the guarantee; ``None`` without a certificate or without such patients.
        decision: of all images, with patient-cluster intervals; flagged means above the threshold, or not
            ruled out. ``None`` without a certificate.
    """

    point: Certificate | CertificateRefusal
    errors: Proportion | None
    decision: DecisionReport | None


@dataclass(frozen=True)
class HeldOutPoints:
    """All operating points of a model on held-out patients.

    Attributes:
        source: where the points come from, in one sentence.
        n_images: held-out images.
        n_patients: held-out patients.
        rule_in: per finding, and :data:`cxr.operating_points.ANY_FINDING`: limited false-positive rate.
        rule_out: the same with limited miss rate.
        triage: ``refer``, ``read``, ``none`` -> share of held-out images with a finding, and without any.
    """

    source: str
    n_images: int
    n_patients: int
    rule_in: Mapping[str, HeldOutPoint]
    rule_out: Mapping[str, HeldOutPoint]
    triage: Mapping[str, Mapping[str, float]]


def _subset(data: LabeledPredictions, rows: Sequence[int]) -> LabeledPredictions:
    return replace(
        data,
        images=tuple(data.images[i] for i in rows),
        patients=tuple(data.patients[i] for i in rows),
        labels=data.labels[rows],
        probabilities=data.probabilities[rows],
        attributes={name: tuple(values[i] for i in rows) for name, values in data.attributes.items()},
    )


def fit_on_half(
    data: LabeledPredictions, alpha: float, delta: float, seed: int
) -> tuple[OperatingPointSet, LabeledPredictions]:
    """Operating points fitted on a random half of the patients, and the other half to report them on.

    Raises:
        OperatingPointError: if there are fewer than two patients.
    """
    if len(set(data.patients)) < 2:
        raise OperatingPointError(
            "operating points need at least two patients, to fit on one half and report the other"
        )
    fitted_on = share_of_patients(data.patients, 0.5, seed)
    fit = _subset(data, np.flatnonzero(fitted_on).tolist())
    points = fit_operating_points(
        fit.probabilities, fit.labels, fit.patients, fit.label_names, alpha, delta, seed=seed, subgroups=fit.attributes
    )
    return points, _subset(data, np.flatnonzero(~fitted_on).tolist())


def evaluate_points(
    points: OperatingPointSet,
    data: LabeledPredictions,
    source: str,
    prevalences: Sequence[float],
    resamples: int,
    seed: int,
) -> HeldOutPoints:
    """Evaluate operating points on patients they were not fitted on.

    Args:
        points: fitted elsewhere; their label space must be the predictions'.
        data: held-out predictions with labels.
        source: where the points come from, in one sentence.
        prevalences: at which to state positive predictive values.
        resamples: patient resamples.
        seed: draws one image per patient and the resamples.

    Raises:
        OperatingPointError: if the label spaces differ.
    """
    if set(points.label_space) != set(data.label_names):
        odd = sorted(set(points.label_space) ^ set(data.label_names))
        raise OperatingPointError(f"the operating points and the predictions differ in {', '.join(odd)}")
    columns = [data.label_names.index(name) for name in points.label_space]
    probabilities, findings = data.probabilities[:, columns], data.labels[:, columns]
    names = (*points.label_space, ANY_FINDING)
    scores = np.column_stack([probabilities, patient_score(probabilities)])
    labels = np.column_stack([findings, patient_labels(findings)])
    codes, rng = patient_codes(data.patients), np.random.default_rng(seed)

    def evaluate(chosen: Sequence[Certificate | CertificateRefusal], error_class: int) -> dict[str, HeldOutPoint]:
        thresholds = np.array([p.threshold if isinstance(p, Certificate) else np.nan for p in chosen])
        # A finding is flagged strictly above its rule-in threshold and ruled out strictly below its rule-out one.
        flagged = scores > thresholds if error_class == 0 else scores >= thresholds
        decisions = evaluate_decisions(labels, flagged, data.patients, names, prevalences, resamples, seed)
        held_out = {}
        for d, (name, point) in enumerate(zip(names, chosen, strict=True)):
            if isinstance(point, CertificateRefusal):
                held_out[name] = HeldOutPoint(point, None, None)
                continue
            drawn = one_image_per_patient(labels[:, d] == error_class, codes, rng)
            wrong = int((flagged[drawn, d] != error_class).sum())
            held_out[name] = HeldOutPoint(
                point, Proportion.of(wrong, len(drawn)) if len(drawn) else None, decisions[name]
            )
        return held_out

    decided = np.array(points.triage_all(probabilities))
    groups = {"with a finding": labels[:, -1] == 1, "without": labels[:, -1] == 0}
    return HeldOutPoints(
        source=source,
        n_images=len(data.images),
        n_patients=int(codes.max()) + 1,
        rule_in=evaluate([*(points.findings[name] for name in points.label_space), points.patient_level], 0),
        rule_out=evaluate([*(points.rule_out[name] for name in points.label_space), points.patient_rule_out], 1),
        triage={
            zone: {group: float((decided[inside] == zone).mean()) for group, inside in groups.items() if inside.any()}
            for zone in ("refer", "read", "none")
        },
    )
