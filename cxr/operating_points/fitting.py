"""Fit the operating points of a model on its calibration split."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr.errors import OperatingPointError
from cxr.operating_points.calibration_data import calibration_sha256, check_calibration_data, patient_labels
from cxr.operating_points.certify import Sample, rule_in, rule_out
from cxr.operating_points.operating_point_set import OperatingPointSet
from cxr.operating_points.sampling import one_image_per_patient, patient_codes
from cxr.operating_points.triage import patient_score

__all__ = ["fit_operating_points"]

_Floats = NDArray[np.float64]


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

    def sample(target_scores: _Floats, target_labels: _Floats) -> Sample:
        rng = np.random.default_rng(seed)
        healthy, diseased = (one_image_per_patient(target_labels == v, codes, rng) for v in (0, 1))
        return Sample(target_scores, target_labels, healthy, diseased)

    samples = {name: sample(s[:, c], y[:, c]) for c, name in enumerate(label_space)}
    patient = sample(patient_score(s), patient_labels(y))
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
