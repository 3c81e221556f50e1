"""The offline kit: made by pip for any platform, installed without a network, and it screens."""

import json
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr.errors import ConfigError
from cxr.kit import CHECKSUMS, PLATFORMS, WHEELS, make_kit
from nlp_labeler.storage import file_sha256

SEVERAL_MINUTES = 600
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def registry_answers(folder: Path) -> bool:
    """Whether pip reaches a package registry from here."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        str(folder),
        "filelock==4.2.11",
    ]
    return not subprocess.run(command, capture_output=True, check=False, timeout=120).returncode


@pytest.fixture(scope="module")
def kits(tmp_path_factory):
    """A folder for kits, where they can be made."""
    folder = tmp_path_factory.mktemp("kits")
    if not registry_answers(folder / "probe"):
        pytest.skip("no package registry answers; kits are made where there is one")
    return folder


@pytest.fixture(scope="module")
def own_kit(kits):
    """A kit for this machine."""
    if sys.platform != "linux":
        pytest.skip("the kit is installed on Linux here")
    import platform

    make_kit(kits / "own", f"linux_{platform.machine()}")
    return kits / "own"


@pytest.mark.timeout(SEVERAL_MINUTES)
@pytest.mark.parametrize("platform", ["win_amd64", "macosx_arm64"])
def test_every_dependency_has_a_wheel_for_windows_and_for_macs(kits, platform):
    make_kit(kits / platform, platform, python="3.12")
    names = {path.name.partition("-")[0] for path in (kits / platform / WHEELS).iterdir()}
    assert {"cxr", "numpy", "onnxruntime", "pydicom", "pynetdicom", "scipy"} <= names
    assert ("colorama" in names) == (platform == "win_amd64")  # typer's, on Windows only
    tagged = [path.name for path in (kits / platform / WHEELS).iterdir() if not path.name.endswith("none-any.whl")]
    assert all(platform.partition("_")[0] in name for name in tagged)
    script = "install.bat" if platform == "win_amd64" else "install.sh"
    assert "--no-index" in (kits / platform / script).read_text()
    for line in (kits / platform / CHECKSUMS).read_text().splitlines():
        digest, name = line.split("  ", 1)
        assert file_sha256(kits / platform / name) == digest


@pytest.mark.timeout(SEVERAL_MINUTES)
def test_the_kit_installs_without_a_network_and_screens(own_kit, tmp_path):
    shutil.copytree(own_kit, tmp_path / "a folder")  # its name has a blank, as a user's may
    offline = ["unshare", "-rn"] if not subprocess.run(["unshare", "-rn", "true"], check=False).returncode else []
    command = [*offline, "sh", str(tmp_path / "a folder" / "install.sh")]
    clean = {
        "PATH": f"{Path(sys.executable).resolve().parent}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PIP_NO_INDEX": "1",
    }
    installed = subprocess.run(command, env=clean, capture_output=True, text=True, check=False, timeout=SEVERAL_MINUTES)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    assert "a film was screened with the right answer" in installed.stdout
    cxr = tmp_path / "a folder" / "cxr-env" / "bin" / "cxr"
    films = tmp_path / "films"
    films.mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 300), dtype=np.uint8)).save(films / "noise.png")
    start = time.perf_counter()
    subprocess.run(
        [*offline, cxr, "screen", films, "--out", tmp_path / "out"], env=clean, capture_output=True, check=False
    )
    assert time.perf_counter() - start < 10
    line = json.loads((tmp_path / "out" / "results.jsonl").read_text())
    assert line["refusal"]["code"] == "not_frontal_chest"
    made = subprocess.run(
        [cxr, "kit", "--out", tmp_path / "second", "--platform", own_kit_platform(own_kit)],
        env=clean | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(own_kit / WHEELS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert packed(tmp_path / "second") == packed(own_kit)


def own_kit_platform(folder: Path) -> str:
    words = (folder / "README.txt").read_text()
    return next(name for name in PLATFORMS if name in words)


def packed(kit: Path) -> dict[str, int]:
    """Files of cxr's own wheel with their checksums, without the list of them."""
    with zipfile.ZipFile(next((kit / WHEELS).glob("cxr-*.whl"))) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist() if not entry.filename.endswith("RECORD")}


@pytest.mark.timeout(SEVERAL_MINUTES)
def test_a_changed_file_is_named_before_anything_is_installed(own_kit, tmp_path):
    shutil.copytree(own_kit, tmp_path / "kit")
    wheel = next((tmp_path / "kit" / WHEELS).glob("jinja2-*.whl"))
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    done = subprocess.run(["sh", tmp_path / "kit" / "install.sh"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"changed: {WHEELS}/{wheel.name}" in done.stderr
    assert not (tmp_path / "kit" / "cxr-env").exists()


@pytest.mark.parametrize(
    ("platform", "python", "said"),
    [
        ("amiga", None, "'amiga' is not known; allowed are win_amd64"),
        ("win_amd64", "3.9", "'3.9': cxr runs on 3.11"),
    ],
)
def test_what_cannot_be_made_is_said(tmp_path, platform, python, said):
    with pytest.raises(ConfigError, match=said):
        make_kit(tmp_path / "kit", platform, python)
    assert not (tmp_path / "kit").exists()


def test_without_a_registry_one_line_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(ConfigError, match=r"^pip \w+ failed: .") as error:
        make_kit(tmp_path / "kit", "win_amd64")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "kit").exists()


def test_a_folder_that_exists_is_never_written_into(tmp_path):
    with pytest.raises(ConfigError, match="exists"):
        make_kit(tmp_path, "win_amd64")
    assert list(tmp_path.iterdir()) == []
