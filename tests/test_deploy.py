"""Deployment files name what exists: paths, commands, options, ports."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from cxr.cli.main import build_app

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"


def check_command(words: list[str]) -> None:
    """Every option of a `cxr` command line is one of that command."""
    command = get_command(build_app()).commands[words[0]]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options, words


def lines_of(pattern: str, name: str) -> list[str]:
    return re.findall(pattern, (DEPLOY / name).read_text(), re.MULTILINE)


def test_the_service_calls_commands_with_options_that_exist():
    calls = lines_of(r"^Exec\w+=/opt/cxr/bin/cxr (.+)$", "cxr-listen.service")
    assert [shlex.split(call)[0] for call in calls] == ["doctor", "listen"]
    for call in calls:
        check_command(shlex.split(call))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_systemd_takes_the_unit(tmp_path):
    unit = tmp_path / "cxr-listen.service"
    unit.write_text((DEPLOY / "cxr-listen.service").read_text().replace("/opt/cxr/bin/cxr", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert "cxr-listen" not in done.stderr, done.stderr


def test_the_image_copies_what_there_is_and_runs_as_nobody_special():
    for line in lines_of(r"^COPY (?!--from)(.+)$", "Dockerfile"):
        *sources, _ = line.split()
        assert all((ROOT / source).exists() for source in sources), line
    assert all(re.search(r":[\w.-]*\d", image) for image in lines_of(r"^FROM (\S+)", "Dockerfile"))
    assert lines_of(r"^USER (\w+)$", "Dockerfile") == ["cxr"]
    (command,) = lines_of(r"^CMD (\[.+\])$", "Dockerfile")
    check_command(yaml.safe_load(command))


def test_the_composition_has_an_archive_that_knows_the_node():
    services = yaml.safe_load((DEPLOY / "docker-compose.yml").read_text())["services"]
    assert re.search(r":\d", services["archive"]["image"])
    command = services["cxr"]["command"]
    check_command(command)
    title, port = command[command.index("--aet") + 1], command[command.index("--port") + 1]
    known = yaml.safe_load(services["archive"]["environment"]["ORTHANC__DICOM_MODALITIES"])["cxr"]
    assert known == [title, "cxr", int(port)]
    assert (DEPLOY / services["cxr"]["build"]["context"] / services["cxr"]["build"]["dockerfile"]).is_file()


def test_the_page_for_the_it_person_names_commands_and_files_that_exist():
    page = (ROOT / "docs" / "clinic.md").read_text()
    named = re.findall(r"`(deploy/[^`]+)`", page)
    assert len(named) == 3
    assert all((ROOT / name).is_file() for name in named)
    for call in re.findall(r"^cxr (.+?)(?: +#.*)?$", page, re.MULTILINE):
        check_command(shlex.split(call))
