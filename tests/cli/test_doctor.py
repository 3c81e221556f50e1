"""``cxr doctor`` finds what it was made to find, names it in one line, and answers with its exit status."""

import json
import shutil
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification
from typer.testing import CliRunner

import cxr.doctor
from cxr.cli.main import build_app
from cxr.doctor import CheckupSettings, Outcome, checkup
from cxr.screening import Bundle, Screener
from cxr.screening.bundle import shipped_bundle_path


def found(settings: CheckupSettings) -> dict[str, tuple[Outcome, str]]:
    return {check.name: (check.outcome, check.detail) for check in checkup(settings)}


@pytest.fixture
def archive():
    """A node that answers C-ECHO to the AE titles it knows; ``archive(status)`` -> AET@HOST:PORT."""
    servers = []

    def start(status: int = 0x0000) -> str:
        node = AE("ARCHIVE")
        node.add_supported_context(Verification)
        node.require_calling_aet = ["CXR"]
        server = node.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_ECHO, lambda event: status)])
        servers.append(server)
        return f"ARCHIVE@127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()


def test_a_sound_machine_passes_every_check(tmp_path, archive):
    result = CliRunner().invoke(
        build_app(), ["doctor", "--json", "--folder", str(tmp_path), "--archive", archive(), "--port", "0"]
    )
    assert result.exit_code == 0, result.output
    checks = json.loads(result.stdout)
    assert {check["name"] for check in checks} >= {"python", "packages", "machine", "bundle", "clock", "self-test"}
    assert not [check for check in checks if check["outcome"] == "failed"]
    assert "right answer" in checks[-1]["detail"]


def test_the_known_answer_is_that_of_the_shipped_bundle(tmp_path):
    """Another route: the Screener on the film, against the file that the check reads."""
    known = json.loads(Path(cxr.doctor.__file__).with_name("self_test.json").read_text())
    bundle = Bundle.load()
    assert known["model_sha256"] == bundle.manifest.model_sha256
    result = Screener(bundle).screen(cxr.doctor.self_test_film(tmp_path))
    assert {f.name: f.probability for f in result.findings} == pytest.approx(known["probabilities"], abs=2e-3)


def test_a_machine_that_computes_something_else_fails(monkeypatch, tmp_path):
    monkeypatch.setattr(cxr.doctor, "_PATIENT", 6)  # another film, as other arithmetic would give other scores
    outcome, detail = found(CheckupSettings(folders=(tmp_path,)))["self-test"]
    assert outcome is Outcome.FAILED
    assert "do not use this machine" in detail


def test_a_changed_bundle_is_named(tmp_path):
    bundle = tmp_path / "bundle"
    shutil.copytree(shipped_bundle_path(), bundle)
    (bundle / "calibration.json").write_text("{}")
    checks = found(CheckupSettings(bundle=bundle, folders=(tmp_path,)))
    assert checks["bundle"][0] is Outcome.FAILED
    assert "calibration.json" in checks["bundle"][1]
    assert "self-test" not in checks


def test_ports_that_are_taken_or_do_not_exist_fail(tmp_path):
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        checks = found(CheckupSettings(ports=(port, 99999), folders=(tmp_path,)))
    assert checks[f"port {port}"][0] is checks["port 99999"][0] is Outcome.FAILED


def test_an_archive_that_is_away_or_does_not_know_us_fails(tmp_path, archive, free_port_number):
    away = f"ARCHIVE@127.0.0.1:{free_port_number}"
    assert "cannot be reached" in found(CheckupSettings(archive=away, folders=(tmp_path,)))[f"archive {away}"][1]
    here = archive()
    stranger = CheckupSettings(archive=here, ae_title="STRANGER", folders=(tmp_path,))
    outcome, detail = found(stranger)[f"archive {here}"]
    assert outcome is Outcome.FAILED
    assert "refuses the association" in detail
    ill = archive(0x0122)
    assert found(CheckupSettings(archive=ill, folders=(tmp_path,)))[f"archive {ill}"][0] is Outcome.FAILED
    wrong = CheckupSettings(archive="nowhere", folders=(tmp_path,))
    assert "AET@HOST:PORT" in found(wrong)["archive nowhere"][1]


@pytest.fixture
def free_port_number() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def test_folders_that_cannot_be_used_fail(tmp_path):
    a_file = tmp_path / "file"
    a_file.write_text("x")
    checks = found(CheckupSettings(folders=(a_file, tmp_path / "new" / "deep", Path("/proc"))))
    assert checks[f"folder {a_file}"][0] is Outcome.FAILED
    assert checks["folder /proc"][0] is Outcome.FAILED
    assert checks[f"folder {tmp_path / 'new' / 'deep'}"][0] is Outcome.OK
    assert not (tmp_path / "new").exists()


def test_a_clock_in_the_past_fails_and_an_old_certificate_warns():
    bundle = Bundle.load()
    made = bundle.manifest.created
    assert cxr.doctor._clock(bundle, made - timedelta(days=1)).outcome is Outcome.FAILED
    assert cxr.doctor._clock(bundle, made + timedelta(days=1)).outcome is Outcome.OK
    assert cxr.doctor._certificate(bundle, made + timedelta(days=100)).outcome is Outcome.OK
    assert cxr.doctor._certificate(bundle, made + timedelta(days=400)).outcome is Outcome.WARNING
    assert made < datetime.now(UTC)


def test_the_exit_status_says_that_something_failed(tmp_path):
    result = CliRunner().invoke(build_app(), ["doctor", "--folder", str(tmp_path), "--port", "99999"])
    assert result.exit_code == 1
    assert "no port has this number" in result.stdout
