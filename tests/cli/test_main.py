import subprocess
import sys

import pytest

from cxr import __version__
from cxr.cli.main import COMMANDS, GROUPS

HEAVY = ("torch", "spacy", "pandas", "onnxruntime", "numpy", "rich.markdown")


def cxr(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "cxr.cli", *arguments], capture_output=True, text=True, check=False)


def test_both_programs_say_their_version():
    assert cxr("--version").stdout == f"cxr {__version__}\n"
    run = subprocess.run(
        [sys.executable, "-m", "nlp_labeler.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert run.stdout == f"nlp-labeler {__version__}\n"


def test_help_names_every_command_and_imports_nothing_heavy():
    code = (
        "import sys\nfrom cxr.cli.main import build_app\n"
        "try:\n    build_app()(['--help'])\nexcept SystemExit as stop:\n    assert not stop.code\n"
        f"found = [m for m in {HEAVY!r} if m in sys.modules]\nassert not found, found\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert all(f"  {name} " in run.stdout for name in (*COMMANDS, *GROUPS))


@pytest.mark.parametrize("name", [*COMMANDS, *GROUPS])
def test_every_command_has_help(name: str):
    run = cxr(name, "--help")
    assert run.returncode == 0, run.stderr
    assert "Usage" in run.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "nosuch", "--data", "x", "--out", "y"], "recipe 'nosuch'"),
        (["train", "baseline", "--data", "nowhere", "--out", "y"], "no such dataset folder"),
        (["export", "nowhere", "--out", "y"], "nowhere has no"),
        (["evaluate", "nowhere", "--data", "x", "--out", "y", "--split", "dev"], "choose train, val or test"),
        (["phantom", "--patients", "many", "--out", "y"], "--patients"),
        (["phantom", "--patients", "1", "--size", "64", "--out", "/proc/y"], "/proc/y: No such file or directory"),
        (["phantom", "--out"], "--out"),
        (["segment", "nowhere.png", "--out", "y"], "nowhere.png does not exist"),
        (["screem"], "No such command 'screem'"),
        (["dataset", "describe"], "Missing argument"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(arguments: list[str], message: str):
    run = cxr(*arguments)
    assert run.returncode == 2
    assert message in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1
    assert "Traceback" not in run.stderr
