"""Certificates attached to a bundle: what changes, what stays, what is refused."""

import pytest
from typer.testing import CliRunner

from cxr.cli.main import build_app
from cxr.errors import ConfigError, CxrError, OperatingPointError
from cxr.operating_points import CertificateRefusal
from cxr.screening import Bundle, Screener
from cxr.screening.attachment import attach_certificates


@pytest.fixture
def local(tiny_bundle, tmp_path):
    """The bundle's points, of which the first finding's promise was withdrawn."""
    points = Bundle.load(tiny_bundle).operating_points
    refusal = CertificateRefusal(
        criterion="false_positive_rate", limit=0.05, delta=0.05, n=3, required=59, missing=56, reason="withdrawn"
    )
    first = points.label_space[0]
    changed = points.model_copy(update={"findings": points.findings | {first: refusal}})
    changed.save(tmp_path / "local.json")
    return tmp_path / "local.json"


def attach(certificate, out, bundle, *options):
    arguments = [str(certificate), "-o", str(out), "--bundle", str(bundle.path), *options]
    return CliRunner().invoke(build_app(), ["bundle", "attach-certificate", *arguments])


def test_the_copy_holds_the_new_promises_and_the_old_model(tiny_bundle, local, tmp_path):
    before = Bundle.load(tiny_bundle)
    done = attach(local, tmp_path / "new", before)
    assert done.exit_code == 0, done.output
    after = Bundle.load(tmp_path / "new")
    assert after.operating_points.threshold(after.manifest.label_space[0]) is None
    assert after.manifest.model_sha256 == before.manifest.model_sha256
    assert after.manifest.version == before.manifest.version + "+local"
    assert "operating_points.json was replaced" in after.contents["model_card.md"].decode()
    same = set(before.contents) - {"operating_points.json", "model_card.md"}
    assert all(after.contents[name] == before.contents[name] for name in same)
    Screener(after, threads=1)
    again = attach_certificates(after, [local], tmp_path / "again")
    assert again.manifest.version == after.manifest.version


def test_what_does_not_belong_to_the_model_is_refused_and_nothing_is_written(tiny_bundle, local, tmp_path):
    bundle, out = Bundle.load(tiny_bundle), tmp_path / "new"
    foreign = bundle.operating_points.model_copy(update={"model_sha256": "0" * 64})
    foreign.save(tmp_path / "foreign.json")
    bare = bundle.operating_points.model_copy(update={"model_sha256": None})
    bare.save(tmp_path / "bare.json")
    (tmp_path / "altered.json").write_text(local.read_text().replace("withdrawn", "fine"))
    for name, match in (
        ("foreign", "belong to model"),
        ("bare", "bare predictions"),
        ("altered", "altered"),
        ("nowhere", "cannot read"),
    ):
        with pytest.raises(OperatingPointError, match=match):
            attach_certificates(bundle, [tmp_path / f"{name}.json"], out)
    with pytest.raises(ConfigError, match="both operating points"):
        attach_certificates(bundle, [local, local], out)
    assert not out.exists()
    with pytest.raises(ConfigError, match="exists"):
        attach_certificates(bundle, [local], tmp_path)
    done = attach(local, out, bundle, "--version", "a b")
    assert isinstance(done.exception, CxrError)
    assert not out.exists()
