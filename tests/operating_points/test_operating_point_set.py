"""The file that travels with a model: round trip, seal, binding, triage."""

import json
from pathlib import Path

import numpy as np
import pytest

from cxr.errors import OperatingPointError
from cxr.operating_points import Certificate, CertificateRefusal, OperatingPointSet, fit_operating_points

MODEL = "a" * 64


@pytest.fixture(scope="module")
def points(cohort, finding_names) -> OperatingPointSet:
    return fit_operating_points(cohort.scores, cohort.labels, cohort.patients, finding_names, 0.01, 0.05, MODEL, seed=1)


def test_file_round_trip(points: OperatingPointSet, tmp_path: Path) -> None:
    points.save(tmp_path / "points.json")
    assert OperatingPointSet.load(tmp_path / "points.json") == points
    assert [p.name for p in tmp_path.iterdir()] == ["points.json"]


def test_same_seed_gives_the_same_points_and_another_draws_other_images(cohort, finding_names, points) -> None:
    def fit(seed: int) -> OperatingPointSet:
        return fit_operating_points(cohort.scores, cohort.labels, cohort.patients, finding_names, seed=seed)

    assert fit(1).findings == points.findings
    assert fit(2).findings != points.findings
    assert fit(2).calibration_sha256 == points.calibration_sha256


def alter_threshold(data: dict) -> None:
    data["findings"]["Mass"]["threshold"] *= 0.9


def alter_model(data: dict) -> None:
    data["model_sha256"] = "b" * 64


def alter_guarantee(data: dict) -> None:
    data["patient_level"]["limit"] = 0.005


@pytest.mark.parametrize("alter", [alter_threshold, alter_model, alter_guarantee])
def test_an_altered_file_is_refused(points: OperatingPointSet, alter) -> None:
    data = json.loads(points.to_json())
    alter(data)
    with pytest.raises(OperatingPointError, match="altered after they were fitted"):
        OperatingPointSet.from_json(json.dumps(data))


def test_unknown_key_other_version_and_missing_finding_are_refused_by_name(points: OperatingPointSet) -> None:
    data = json.loads(points.to_json())
    with pytest.raises(OperatingPointError, match="surprise"):
        OperatingPointSet.from_json(json.dumps(data | {"surprise": 1}))
    with pytest.raises(OperatingPointError, match="format version 2; this cxr reads 1"):
        OperatingPointSet.from_json(json.dumps(data | {"format_version": 2}))
    with pytest.raises(OperatingPointError, match="not JSON"):
        OperatingPointSet.from_json("{")
    del data["findings"]["Mass"]
    with pytest.raises(OperatingPointError, match="differ in Mass"):
        OperatingPointSet.from_json(json.dumps(data))


def test_another_model_or_label_space_is_refused(points: OperatingPointSet, cohort, finding_names) -> None:
    points.require(model_sha256=MODEL, label_space=finding_names)
    with pytest.raises(OperatingPointError, match="belong to model aaaaaaaaaaaa, not to bbbbbbbbbbbb"):
        points.require(model_sha256="b" * 64, label_space=finding_names)
    with pytest.raises(OperatingPointError, match="label space"):
        points.require(model_sha256=MODEL, label_space=tuple(reversed(finding_names)))
    unbound = fit_operating_points(cohort.scores, cohort.labels, cohort.patients, finding_names)
    with pytest.raises(OperatingPointError, match="belong to no model"):
        unbound.require(model_sha256=MODEL, label_space=finding_names)


def test_an_unknown_finding_has_no_threshold(points: OperatingPointSet) -> None:
    with pytest.raises(OperatingPointError, match="no operating point for 'Hernia'; known are Effusion"):
        points.threshold("Hernia")


def test_a_refused_point_has_no_threshold(cohort, finding_names) -> None:
    few = fit_operating_points(cohort.scores[:100], cohort.labels[:100], cohort.patients[:100], finding_names)
    assert few.threshold("Mass") is None
    assert isinstance(few.patient_level, CertificateRefusal)
    assert few.triage(np.ones(3)) == "read"  # nothing is certified: a person reads


def test_triage_follows_the_patient_level_thresholds(points: OperatingPointSet, finding_names) -> None:
    refer, rule_out = points.patient_level, points.patient_rule_out
    assert isinstance(refer, Certificate)
    assert isinstance(rule_out, Certificate)
    assert rule_out.threshold < refer.threshold
    above = np.nextafter(refer.threshold, 1)
    assert points.triage(dict.fromkeys(finding_names, above)) == "refer"
    assert points.triage(dict.fromkeys(finding_names, refer.threshold)) == "read"  # the rule is strictly above
    assert points.triage([rule_out.threshold, 0, 0]) == "read"
    assert points.triage([np.nextafter(rule_out.threshold, 0), 0, 0]) == "none"


def test_triage_reads_where_a_finding_fired_below_the_rule_out_threshold(points: OperatingPointSet) -> None:
    certificate = points.findings["Mass"]
    assert isinstance(certificate, Certificate)
    low = certificate.model_copy(update={"threshold": 0.001})
    altered = points.model_copy(update={"findings": points.findings | {"Mass": low}})
    assert altered.triage([0, 0.002, 0]) == "read"
    assert points.triage([0, 0.002, 0]) == "none"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"Effusion": 0.1, "Mass": 0.1}, "differ in Pneumothorax"),
        ([0.1, 0.2], "2,"),
        ([0.1, 0.2, 1.2], "not a number in"),
        ([0.1, 0.2, float("nan")], "not a number in"),
    ],
)
def test_triage_refuses_probabilities_that_do_not_fit(points: OperatingPointSet, values, message: str) -> None:
    with pytest.raises(OperatingPointError, match=message):
        points.triage(values)


def test_triage_of_many_is_that_of_each(points: OperatingPointSet, cohort) -> None:
    scores = cohort.scores[:300]
    assert points.triage_all(scores) == [points.triage(row) for row in scores]
    assert set(points.triage_all(cohort.scores)) == {"refer", "read", "none"}
