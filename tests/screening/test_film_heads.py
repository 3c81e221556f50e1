"""Heads for age, sex, view, identity and similarity: a wrong header is questioned, findings never change."""

import csv
import dataclasses
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cxr.errors import BundleError, DatasetError
from cxr.imaging.radiograph import FileKind, RadiographMetadata
from cxr.outputs.writers.table import write_table
from cxr.phantom import generate_cohort
from cxr.reporting.patient import PatientEstimate, PatientQuestion
from cxr.screening import Bundle, Screener, parse_result_line, result_line
from cxr.screening.film_heads import FilmHeads
from cxr.screening.manifest import FILM_HEADS_FILE, BundleDescription, seal_bundle
from cxr.training.film_heads import FilmTable, fit_film_heads

MODEL = "0" * 64


def made_up(patients: int, seed: int) -> FilmTable:
    """Films whose features tell age, sex, view, patient and findings, each along axes of its own, under noise."""
    rng = np.random.default_rng(seed)
    mixing = np.linalg.qr(np.random.default_rng(99).normal(size=(24, 24)))[0]
    person = np.repeat(rng.normal(size=(patients, 8)), 2, axis=0)
    age = np.repeat(rng.uniform(20, 80, patients), 2)
    female, ap = np.repeat(rng.integers(0, 2, patients), 2), rng.integers(0, 2, 2 * patients)
    labels = rng.random((2 * patients, 4)) < 0.3
    signal = np.concatenate(
        [person, ((age - 50) / 20)[:, None], 2.0 * female[:, None] - 1, 2.0 * ap[:, None] - 1, 2.0 * labels], axis=1
    )
    noise = 0.15 * rng.normal(size=(2 * patients, 24))
    features = (np.pad(signal, ((0, 0), (0, 24 - signal.shape[1]))) + noise) @ mixing
    numbers = np.repeat(np.arange(patients), 2)
    return FilmTable(
        features=features.astype(np.float32),
        patients=np.array([f"{seed}-{n}" for n in numbers]),
        age=age.astype(np.float32),
        female=female.astype(np.float32),
        ap=ap.astype(np.float32),
        labels=labels.astype(np.float32),
        log_odds=(4.0 * labels - 2 + rng.normal(size=labels.shape)).astype(np.float32),
        ratio=(0.5 + 0.02 * rng.normal(size=len(labels))).astype(np.float32),
    )


def scaled(heads: FilmHeads, table: FilmTable) -> np.ndarray:
    return (table.features - heads.centre) / heads.scale


def cosines(vectors: np.ndarray) -> np.ndarray:
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return directions @ directions.T


@pytest.fixture(scope="module")
def heads() -> FilmHeads:
    return fit_film_heads(made_up(300, 1), made_up(150, 2), MODEL)


def test_what_the_features_tell_is_learned_and_the_limits_keep_their_promise(heads):
    new = made_up(400, 3)
    said = np.maximum(scaled(heads, new) @ heads.hidden + heads.hidden_bias, 0) @ heads.output + heads.output_bias
    errors = np.abs(said[:, 0] - new.age)
    assert errors.mean() < 0.5 * np.abs(new.age - np.median(new.age)).mean()
    assert ((said[:, 1] > 0) == (new.female == 1)).mean() > 0.95
    assert ((said[:, 2] > 0) == (new.ap == 1)).mean() > 0.95
    assert (errors > heads.limits[0]).mean() < 0.03


def test_films_of_one_patient_and_of_the_same_findings_lie_together(heads):
    new = made_up(200, 4)
    alike = cosines(scaled(heads, new) @ heads.identity)
    same = new.patients[:, None] == new.patients[None]
    of_one, of_two = alike[same & ~np.eye(len(alike), dtype=bool)], alike[~same]
    assert np.median(of_one) > np.quantile(of_two, 0.95)
    assert (of_one < heads.limits[3]).mean() < 0.05
    near = cosines(scaled(heads, new) @ heads.similarity)
    there = new.labels == 1
    shared = (there[:, None] & there[None]).any(axis=2) & ~same
    apart = ~(there[:, None] & there[None]).any(axis=2) & ~same & there.any(axis=1)[:, None]
    assert near[shared].mean() > near[apart].mean() + 0.1


def test_what_unchanged_films_differ_by_is_measured_on_pairs_of_one_label(heads):
    """Four in five differences of two unit normals are below 1.81, nineteen in twenty of those of .02 below .055."""
    assert heads.noise == pytest.approx(np.full(4, 1.28 * np.sqrt(2)), abs=0.45)
    assert heads.ratio_error == pytest.approx([1.96 * np.sqrt(2) * 0.02], abs=0.02)


def test_too_few_films_are_refused_by_what_is_missing(heads):
    table = made_up(150, 5)
    unknown = np.full(len(table.age), np.nan, np.float32)
    with pytest.raises(DatasetError, match="0 validation films state the sex"):
        fit_film_heads(table, dataclasses.replace(table, female=unknown), MODEL)
    alone = dataclasses.replace(table, patients=np.array([str(n) for n in range(300)]))
    with pytest.raises(DatasetError, match="0 pairs of training films are of one patient"):
        fit_film_heads(alone, table, MODEL)


def test_only_what_the_header_states_is_questioned(heads):
    sure = PatientEstimate(age=30, female=0.9999, ap=0.0001)

    def asked(**header):
        return heads.questions(sure, RadiographMetadata(FileKind.DICOM, MODEL, 100, 100, "MONOCHROME2", 12, **header))

    assert asked() == ()
    assert asked(patient_sex="F", patient_age=32.0, view_position="PA") == ()
    assert asked(patient_sex="O", view_position="LL") == ()
    assert asked(patient_sex="M") == (PatientQuestion.SEX,)
    assert asked(patient_sex="M", patient_age=95.0, view_position="AP") == (
        PatientQuestion.SEX,
        PatientQuestion.AGE,
        PatientQuestion.VIEW,
    )


def test_the_file_reads_back_and_a_damaged_or_foreign_one_is_refused(heads):
    content = heads.to_bytes()
    assert FilmHeads.from_bytes(content).to_bytes() == content
    with pytest.raises(BundleError, match="cannot be read"):
        FilmHeads.from_bytes(content[:1000])
    with pytest.raises(BundleError, match="limits is"):
        FilmHeads.from_bytes(dataclasses.replace(heads, limits=heads.limits[:2]).to_bytes())
    with pytest.raises(BundleError, match="made for model 000000000000"):
        heads.require(model_sha256="1" * 64, findings=4)
    with pytest.raises(BundleError, match="noise is"):
        heads.require(model_sha256=MODEL, findings=5)


@pytest.fixture(scope="module")
def film(make_dicom, dicom_bytes, tmp_path_factory):
    """A frontal phantom whose header says woman, 63 years, PA."""
    cohort = generate_cohort(1, 256, 33, tmp_path_factory.mktemp("heads") / "cohort")
    pixels = np.asarray(Image.open(next((cohort / "images").iterdir())).convert("L"), np.uint16)
    return dicom_bytes(make_dicom(pixels * 16))


def with_heads(folder, change):
    """A screener of a copy of the shipped bundle whose heads were changed, or left out."""
    bundle = Bundle.load()
    shutil.copytree(bundle.path, folder)
    changed = change(bundle.film_heads)
    (folder / FILM_HEADS_FILE).unlink() if changed is None else (folder / FILM_HEADS_FILE).write_bytes(changed)
    fields = {name: getattr(bundle.manifest, name) for name in BundleDescription.model_fields}
    seal_bundle(folder, BundleDescription(**fields))
    return Screener(folder, threads=1)


def test_a_question_stands_in_line_table_and_report_and_changes_no_finding(film, tmp_path):
    never = np.array([0, 2, 2, 2], np.float32)
    asking = with_heads(tmp_path / "asking", lambda heads: dataclasses.replace(heads, limits=never).to_bytes())
    silent = with_heads(tmp_path / "silent", lambda _: None)
    questioned, plain = (screener.screen(film) for screener in (asking, silent))
    assert set(questioned.questions) == {PatientQuestion.SEX, PatientQuestion.AGE, PatientQuestion.VIEW}
    assert "Is this the right patient? Please check: the film does not look like that of the sex" in (
        questioned.report.text
    )
    assert (plain.questions, plain.patient) == ((), None)
    assert questioned.findings == plain.findings
    assert questioned.triage == plain.triage
    assert parse_result_line(result_line(questioned)) == questioned
    assert "patient" not in json.loads(result_line(plain))
    write_table([questioned], asking.bundle.manifest.label_space, tmp_path / "results.csv")
    with (tmp_path / "results.csv").open(newline="") as stream:
        assert next(csv.DictReader(stream))["questions"].split()[0] == "sex_contradicted"


def test_vectors_of_bundles_with_other_heads_are_told_apart(film, tmp_path):
    shipped = Screener(threads=1)
    silent = with_heads(tmp_path / "silent", lambda _: None)
    ours, theirs = (screener.examine("film", film).artifacts for screener in (shipped, silent))
    assert len(ours.embedding) != len(theirs.embedding)
    assert shipped.bundle.embedding_sha256 != silent.bundle.embedding_sha256 == silent.identity.sha256
    assert theirs.identity is None
    assert shipped.bundle.film_heads.same_patient(ours.identity, ours.identity)
