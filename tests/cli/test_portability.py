"""The clinic's commands run where none of what only POSIX has is there: hidden, each in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HIDE = """
import os, sys
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
for name in ("sched_getaffinity", "getuid", "geteuid"):
    if hasattr(os, name):
        delattr(os, name)
"""
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


def start(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", HIDE + code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )


def run(code, *arguments):
    process = start(code, *arguments)
    out, error = process.communicate(timeout=200)
    assert process.returncode == 0, error
    return out


CXR = "from cxr.cli.main import main; main()"


def test_screen(tmp_path, image_folder, tiny_bundle):
    run(CXR, "screen", image_folder, "--out", tmp_path / "out", "--bundle", tiny_bundle)
    assert len((tmp_path / "out" / "results.jsonl").read_text().splitlines()) == 3


def test_watch(tmp_path, image_folder, tiny_bundle):
    results = tmp_path / "out" / "results.jsonl"
    process = start(CXR, "watch", image_folder, "--out", tmp_path / "out", "--bundle", tiny_bundle, "--interval", "0.2")
    try:
        until = time.monotonic() + 120
        while time.monotonic() < until and (not results.is_file() or results.read_bytes().count(b"\n") < 3):
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, error
    assert "screened 3" in error


def test_labeler(tmp_path):
    (tmp_path / "reports.csv").write_text("id,text\nr1,Mild cardiomegaly.\n")
    label = "from nlp_labeler.cli import main; main()"
    run(label, "label", tmp_path / "reports.csv", "-o", tmp_path / "labels.csv", "--engine", "surface")
    assert "r1" in (tmp_path / "labels.csv").read_text()


def test_worklist_is_open_in_one_process(tmp_path):
    code = """
from pathlib import Path
from cxr.errors import ConfigError
from cxr.worklist.database import Database
with Database(Path(sys.argv[1])):
    try:
        Database(Path(sys.argv[1]))
    except ConfigError:
        print("refused")
"""
    assert run(code, tmp_path / "worklist").strip() == "refused"
