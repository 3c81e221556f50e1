"""`cxr watch` as its own process: it is started, fed, killed and started again."""

import signal
import subprocess
import sys
import time

import pytest

from cxr.outputs import read_results
from tests.clinic_fixtures import write_dicom


def wait_until(condition, what):
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come true in time")


@pytest.fixture
def watcher(tmp_path, tiny_bundle):
    """``watcher()`` starts the command on tmp_path/inbox."""
    started = []
    (tmp_path / "inbox").mkdir()

    def start():
        command = [sys.executable, "-m", "cxr.cli", "watch", str(tmp_path / "inbox"), "--bundle", str(tiny_bundle)]
        log = (tmp_path / "log").open("ab")
        started.append(subprocess.Popen([*command, "--interval", "0.2"], stdout=log, stderr=log))
        log.close()
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_each_file_is_screened_once_when_it_is_complete_and_restarts_change_nothing(watcher, image_folder, tmp_path):
    inbox, out = tmp_path / "inbox", tmp_path / "inbox" / "cxr-results"
    journal = out / "results.jsonl"

    def results():
        # The last line may be half written.
        return journal.read_bytes().count(b"\n") if journal.exists() else 0

    content = (image_folder / "effusion.png").read_bytes()
    process = watcher()
    with (inbox / "slow.png").open("wb") as stream:
        for start in range(0, len(content), len(content) // 12 + 1):
            stream.write(content[start : start + len(content) // 12 + 1])
            stream.flush()
            time.sleep(0.1)
    (inbox / "sub").mkdir()
    (inbox / "sub" / "healthy.png").write_bytes((image_folder / "healthy.png").read_bytes())
    wait_until(lambda: results() >= 2, "two results")
    process.kill()
    process.wait()

    (inbox / "large_heart.png").write_bytes((image_folder / "large_heart.png").read_bytes())
    process = watcher()
    wait_until(lambda: results() >= 3, "the third result")
    (inbox / "sub" / "healthy.png").write_bytes(b"")
    wait_until(lambda: '"empty_file"' in journal.read_text(), "the new verdict on a file that was changed")
    wait_until(lambda: "empty_file" in (out / "worklist.html").read_text(), "the page")
    process.send_signal(signal.SIGTERM)
    assert process.wait(300) == 0

    found = {r.path.removeprefix(f"{inbox}/"): r.refusal and r.refusal.code for r in read_results(journal)}
    assert found == {"slow.png": None, "large_heart.png": None, "sub/healthy.png": "empty_file"}
    assert len(list(read_results(journal))) == 3
    assert (out / "results.csv").read_text().count("\n") == 4


def test_a_patient_s_name_is_in_no_log_and_no_result(watcher, chest_pixels, tmp_path):
    inbox, out = tmp_path / "inbox", tmp_path / "inbox" / "cxr-results"
    write_dicom(inbox / "whole.dcm", chest_pixels(blob=(240, 200, 100, 80)))
    (inbox / "cut.dcm").write_bytes((inbox / "whole.dcm").read_bytes()[:-3000])
    process = watcher()
    wait_until(
        lambda: (out / "worklist.html").exists() and "truncated" in (out / "worklist.html").read_text(), "the page"
    )
    process.send_signal(signal.SIGTERM)
    assert process.wait(300) == 0
    assert [r.status for r in read_results(out / "results.jsonl")] == ["refused", "screened"]
    written = [tmp_path / "log", *(p for p in out.rglob("*") if p.is_file())]
    for secret in (b"Zebrafinch", b"Quillon", b"SECRET-ID"):
        assert [p.name for p in written if secret in p.read_bytes()] == []
