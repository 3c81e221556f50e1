import json
import shutil
import zipfile

import pytest

from cxr.errors import BundleError
from cxr.screening import Bundle, Screener
from cxr.screening.manifest import BundleManifest, seal_bundle


def reseal(folder):
    """Make the manifest agree with the files again, as a careless editor would."""
    manifest = BundleManifest.model_validate_json((folder / "bundle.json").read_text())
    fields = {k: v for k, v in manifest if k not in ("files", "format_version")}
    from cxr.screening.manifest import BundleDescription

    seal_bundle(folder, BundleDescription(**fields))


def test_a_sealed_bundle_loads(tiny_bundle):
    bundle = Bundle.load(tiny_bundle)
    assert bundle.manifest.name == "tiny"
    assert bundle.operating_points.model_sha256 == bundle.manifest.model_sha256
    assert bundle.calibrator.label_space == bundle.manifest.label_space
    bundle.network(threads=1)


def spoil_byte(folder):
    content = bytearray((folder / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.onnx").write_bytes(content)


def edit_manifest(**changes):
    def spoil(folder):
        data = json.loads((folder / "bundle.json").read_text()) | changes
        (folder / "bundle.json").write_text(json.dumps(data))

    return spoil


def link_card(folder):
    (folder / "model_card.md").unlink()
    (folder / "model_card.md").symlink_to("/etc/hostname")


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (shutil.rmtree, "no bundle at"),
        (lambda f: (f / "bundle.json").unlink(), r"bundle\.json not found"),
        (lambda f: (f / "bundle.json").write_text("{"), "not JSON"),
        (lambda f: (f / "bundle.json").write_text("[]"), "format version None"),
        (edit_manifest(format_version=2), "format version 2, this cxr reads 1"),
        (edit_manifest(surprise=1), "invalid at surprise"),
        (edit_manifest(files={"../x": "0" * 64}), "plain path"),
        (edit_manifest(files={"/etc/passwd": "0" * 64}), "plain path"),
        (spoil_byte, r"model\.onnx was changed"),
        (lambda f: (f / "extra.bin").write_bytes(b"x"), r"holds extra\.bin"),
        (lambda f: (f / "model_card.md").unlink(), r"lacks model_card\.md"),
        (link_card, "holds a link"),
    ],
)
def test_a_spoilt_bundle_is_refused_in_one_line(make_bundle, spoil, match):
    folder = make_bundle()
    spoil(folder)
    with pytest.raises(BundleError, match=match) as caught:
        Bundle.load(folder)
    assert "\n" not in str(caught.value)


def zipped(folder, out, prefix="", extra=()):
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, prefix + path.name)
        for entry, content in extra:
            archive.writestr(entry, content)
    return out


def link_entry():
    entry = zipfile.ZipInfo("model_card.md.link")
    entry.external_attr = 0o120777 << 16
    return entry


@pytest.mark.parametrize("prefix", ["", "tiny/"])
def test_a_zipped_bundle_is_the_same_bundle(tiny_bundle, tmp_path, prefix):
    bundle = Bundle.load(zipped(tiny_bundle, tmp_path / "tiny.zip", prefix))
    assert bundle.manifest_sha256 == Bundle.load(tiny_bundle).manifest_sha256
    assert bundle.contents == Bundle.load(tiny_bundle).contents
    assert sorted(p.name for p in tmp_path.iterdir()) == ["tiny.zip"]


@pytest.mark.parametrize(
    ("extra", "match"),
    [
        (("../evil.txt", b"x"), "leads outside"),
        (("/etc/evil.txt", b"x"), "leads outside"),
        (("..\\evil.txt", b"x"), "leads outside"),
        ((link_entry(), b"/etc/passwd"), "link"),
        (("extra.bin", b"x"), r"holds extra\.bin"),
    ],
)
def test_a_hostile_archive_is_refused_and_nothing_is_unpacked(tiny_bundle, tmp_path, extra, match):
    inner = tmp_path / "inner"
    inner.mkdir()
    with pytest.raises(BundleError, match=match):
        Bundle.load(zipped(tiny_bundle, inner / "tiny.zip", extra=[extra]))
    assert [p.name for p in tmp_path.rglob("*")] == ["inner", "tiny.zip"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_with_two_models_is_refused(tiny_bundle, tmp_path):
    with pytest.raises(BundleError, match="two files of the same name"):
        Bundle.load(zipped(tiny_bundle, tmp_path / "tiny.zip", extra=[("model.onnx", b"another")]))


def test_a_changed_byte_in_an_archive_is_refused(make_bundle, tmp_path):
    folder = make_bundle()
    spoil_byte(folder)
    with pytest.raises(BundleError, match=r"model\.onnx was changed"):
        Bundle.load(zipped(folder, tmp_path / "tiny.zip"))


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"no archive")
    with pytest.raises(BundleError, match="neither a folder nor a zip"):
        Bundle.load(tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as archive:
        archive.writestr("a.txt", "x")
    with pytest.raises(BundleError, match="no bundle in"):
        Bundle.load(tmp_path / "y.zip")


def test_the_shipped_gate_travels_in_the_bundle_and_is_verified(make_bundle):
    shipped = Bundle.load()
    assert shipped.gate is not None
    assert {"quality_gate.onnx", "quality_gate.json"} <= set(shipped.manifest.files)
    folder = make_bundle()
    assert Bundle.load(folder).gate is None
    data = json.loads((folder / "bundle.json").read_text()) | {"gate": "frontal_chest"}
    (folder / "bundle.json").write_text(json.dumps(data))
    with pytest.raises(BundleError, match="needs quality_gate"):
        Bundle.load(folder)


def test_a_gate_of_another_card_is_refused(make_bundle):
    folder = make_bundle()
    (folder / "quality_gate.onnx").write_bytes(Bundle.load().contents["quality_gate.onnx"] + b"\x12\x01x")
    (folder / "quality_gate.json").write_bytes(Bundle.load().contents["quality_gate.json"])
    edit_manifest(
        gate="frontal_chest",
        files=json.loads((folder / "bundle.json").read_text())["files"]
        | dict.fromkeys(("quality_gate.onnx", "quality_gate.json"), "0" * 64),
    )(folder)
    reseal(folder)
    with pytest.raises(BundleError, match="not the file that its card describes"):
        Screener(folder)


def test_external_data_is_refused(make_bundle, external_graph):
    with pytest.raises(BundleError, match="another file"):
        Bundle.load(make_bundle(graph=external_graph))


def test_operating_points_of_another_model_are_refused(make_bundle, tmp_path, tiny_bundle):
    folder = make_bundle()
    (folder / "model.onnx").write_bytes((tiny_bundle / "model.onnx").read_bytes() + b"\x12\x01x")
    reseal(folder)
    with pytest.raises(BundleError, match="belong to model"):
        Bundle.load(folder)


def test_altered_thresholds_are_refused_even_under_a_new_manifest(make_bundle):
    folder = make_bundle()
    file = folder / "operating_points.json"
    data = json.loads(file.read_text())
    data["findings"]["Effusion"]["threshold"] = 0.99
    file.write_text(json.dumps(data))
    reseal(folder)
    with pytest.raises(BundleError, match="altered"):
        Bundle.load(folder)


def test_a_graph_with_other_outputs_is_refused(make_bundle):
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Identity", ["image"], ["something"])],
        "g",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 64, 64])],
        [helper.make_tensor_value_info("something", TensorProto.FLOAT, ["N", 1, 64, 64])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    bundle = Bundle.load(make_bundle(graph=model.SerializeToString()))
    with pytest.raises(BundleError, match="expected image to logits, class_maps, embedding"):
        bundle.network(threads=1)
