import hashlib
import json
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from cxr.errors import BundleError
from cxr.localization import BoxSettings
from cxr.screening.manifest import REQUIRED_FILES, BundleDescription, BundleManifest, Preprocessing, seal_bundle

SHA = "0" * 64


def description(**changes):
    fields = {
        "name": "test",
        "version": "1.0.0",
        "created": datetime(2026, 1, 1, tzinfo=UTC),
        "cxr_version": "0.1.0",
        "training_data": "none: a test",
        "ontology": "labels as in nlp_labeler.findings",
        "label_space": ("Cardiomegaly", "Effusion"),
        "preprocessing": Preprocessing(size=64),
        "gate": "none",
        "boxes": {"Cardiomegaly": BoxSettings(), "Effusion": BoxSettings(threshold=0.5)},
    }
    return BundleDescription(**(fields | changes))


def manifest(**changes):
    fields = dict(description()) | {"format_version": 1, "files": dict.fromkeys(REQUIRED_FILES, SHA)}
    return BundleManifest(**(fields | changes))


def test_seal_names_every_file_with_its_hash(tmp_path):
    for name in REQUIRED_FILES:
        (tmp_path / name).write_text(name)
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "note.txt").write_text("x")
    sealed = seal_bundle(tmp_path, description())
    again = BundleManifest.model_validate_json((tmp_path / "bundle.json").read_text())
    assert again == sealed
    assert set(sealed.files) == {*REQUIRED_FILES, "examples/note.txt"}
    assert sealed.files["model.onnx"] == hashlib.sha256(b"model.onnx").hexdigest() == sealed.model_sha256
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*REQUIRED_FILES, "bundle.json", "examples"])


def test_sealing_twice_gives_the_same_manifest(tmp_path):
    for name in REQUIRED_FILES:
        (tmp_path / name).write_text(name)
    assert seal_bundle(tmp_path, description()) == seal_bundle(tmp_path, description())


def test_seal_refuses_an_unfinished_folder(tmp_path):
    with pytest.raises(BundleError, match=r"model\.onnx is missing"):
        seal_bundle(tmp_path, description())


def test_a_bundle_with_a_gate_is_not_sealed_without_it(tmp_path):
    for name in REQUIRED_FILES:
        (tmp_path / name).write_text(name)
    with pytest.raises(BundleError, match=r"quality_gate\.onnx is missing"):
        seal_bundle(tmp_path, description(gate="frontal_chest"))


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "C:x", "a\\b", "./x", "a//b"])
def test_paths_that_leave_the_folder_are_refused(name):
    with pytest.raises(ValidationError, match="plain path"):
        manifest(files=dict.fromkeys(REQUIRED_FILES, SHA) | {name: SHA})


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"label_space": ("Cardiomegaly", "Dragon")}, "Dragon"),
        ({"label_space": ("Effusion", "Effusion")}, "twice"),
        ({"boxes": {"Cardiomegaly": BoxSettings()}}, "differ in Effusion"),
        ({"created": "2026-01-01T00:00:00"}, "created"),
        ({"files": {"model.onnx": SHA}}, "not listed"),
        ({"surprise": 1}, "surprise"),
        ({"format_version": 2}, "format_version"),
    ],
)
def test_invalid_manifests_are_refused_by_name(changes, match):
    with pytest.raises(ValidationError, match=match):
        manifest(**changes)


def test_manifest_is_plain_json():
    data = json.loads(manifest().model_dump_json())
    assert data["label_space"] == ["Cardiomegaly", "Effusion"]
    assert data["boxes"]["Effusion"]["threshold"] == 0.5
