import csv
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from cxr.errors import ConfigError, CxrError
from cxr.outputs import read_results, screen_to_folder
from cxr.screening import Screener


@pytest.fixture(scope="module")
def screener(tiny_bundle):
    return Screener(tiny_bundle, threads=1)


@pytest.fixture
def many_images(tmp_path, chest_pixels):
    """60 images in which every tenth file is broken."""
    folder = tmp_path / "many"
    folder.mkdir()
    for k in range(60):
        if k % 10 == 3:
            (folder / f"{k:02}.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
        else:
            Image.fromarray(chest_pixels(160, 128, seed=k)).save(folder / f"{k:02}.png")
    return folder


def test_folder_holds_every_output(screener, image_folder, tmp_path):
    out = tmp_path / "out"
    seen = []
    summary = screen_to_folder(screener, [image_folder], out, workers=2, on_result=seen.append)
    assert (summary.screened, summary.refused, summary.new) == (3, 0, 3)
    visible = sorted(p.name for p in out.iterdir() if not p.name.startswith("."))
    assert visible == ["overlays", "results.csv", "results.jsonl", "studies.csv", "studies.jsonl", "worklist.html"]
    assert sorted(p.name for p in (out / "overlays").iterdir()) == ["effusion.png", "healthy.png", "large_heart.png"]
    assert list(read_results(out / "results.jsonl")) == seen
    rows = list(csv.DictReader((out / "results.csv").read_text().splitlines()))
    assert [r["path"] for r in rows] == [r.path for r in seen]
    assert float(rows[0]["prob_Effusion"]) == pytest.approx(seen[0].findings[1].probability, abs=1e-6)
    assert rows[0]["positive_Effusion"] == "1"


def test_second_run_adds_nothing_and_a_new_image_is_added(screener, image_folder, tmp_path):
    out = tmp_path / "out"
    screen_to_folder(screener, [image_folder], out, workers=2)
    before = (out / "results.jsonl").read_bytes()
    assert screen_to_folder(screener, [image_folder], out, workers=2).new == 0
    assert (out / "results.jsonl").read_bytes() == before
    (image_folder / "more.png").write_bytes((image_folder / "healthy.png").read_bytes())
    summary = screen_to_folder(screener, [image_folder], out, workers=2)
    assert (summary.new, summary.screened) == (1, 4)
    assert (out / "results.jsonl").read_bytes().startswith(before)


def test_a_file_that_was_changed_is_screened_anew_in_its_old_place(screener, image_folder, tmp_path):
    out = tmp_path / "out"
    screen_to_folder(screener, [image_folder], out, workers=2)
    before = list(read_results(out / "results.jsonl"))
    (image_folder / "healthy.png").write_bytes((image_folder / "effusion.png").read_bytes())
    (image_folder / "large_heart.png").write_bytes(b"")
    summary = screen_to_folder(screener, [image_folder], out, workers=2)
    assert (summary.new, summary.screened, summary.refused) == (2, 2, 1)
    after = list(read_results(out / "results.jsonl"))
    assert [r.path for r in after] == [r.path for r in before]
    assert after[0] == before[0]
    assert after[1].findings == before[0].findings
    assert after[1].sha256 == before[0].sha256
    assert after[2].refusal.code == "empty_file"
    assert screen_to_folder(screener, [image_folder], out, workers=2).new == 0


def test_a_kill_between_the_new_line_and_the_settling_leaves_one_line(screener, image_folder, tmp_path):
    out = tmp_path / "out"
    screen_to_folder(screener, [image_folder], out, workers=1)
    journal = out / "results.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    renewed = lines[0].replace(b'"triage":"refer"', b'"triage":"read"')
    assert renewed != lines[0]
    journal.write_bytes(b"".join([*lines, renewed]))
    screen_to_folder(screener, [image_folder], out, workers=1)
    assert journal.read_bytes().splitlines(keepends=True) == [renewed, *lines[1:]]


def test_same_file_name_in_two_folders_keeps_both_overlays(screener, image_folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    Image.open(image_folder / "effusion.png").rotate(180).save(other / "effusion.PNG")
    out = tmp_path / "out"
    screen_to_folder(screener, [image_folder / "effusion.png", other], out, workers=1)
    names = sorted(p.name for p in (out / "overlays").iterdir())
    assert len(names) == 2
    page = (out / "worklist.html").read_text()
    assert all(f'href="overlays/{name}"' in page for name in names)


def test_half_a_line_is_cut_off_and_done_again(screener, image_folder, tmp_path):
    out = tmp_path / "out"
    screen_to_folder(screener, [image_folder], out, workers=1)
    journal = out / "results.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-40])
    screen_to_folder(screener, [image_folder], out, workers=1)
    assert journal.read_bytes() == whole


def test_results_of_another_bundle_are_not_mixed(screener, image_folder, tmp_path, make_bundle):
    out = tmp_path / "out"
    screen_to_folder(screener, [image_folder], out, workers=1)
    with pytest.raises(ConfigError, match="holds results of bundle tiny"):
        screen_to_folder(Screener(make_bundle(name="other"), threads=1), [image_folder], out, workers=1)


def test_damaged_journal_is_refused_not_repaired(screener, image_folder, tmp_path):
    out = tmp_path / "out"
    screen_to_folder(screener, [image_folder], out, workers=1)
    (out / "results.jsonl").write_text('{"path": 1}\n')
    with pytest.raises(CxrError, match="not a result line"):
        screen_to_folder(screener, [image_folder], out, workers=1)


def test_output_folder_that_is_a_file_is_refused(screener, image_folder):
    with pytest.raises(ConfigError, match="--out takes a folder"):
        screen_to_folder(screener, [image_folder], image_folder / "healthy.png", workers=1)


def test_killed_at_random_moments_each_input_is_there_exactly_once(many_images, tiny_bundle, tmp_path):
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "cxr.cli",
        "screen",
        str(many_images),
        "--bundle",
        str(tiny_bundle),
        "--out",
        str(out),
    ]
    journal = out / "results.jsonl"
    for round_number in range(2):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        goal = 15 * (round_number + 1)
        while time.monotonic() < deadline and process.poll() is None:
            if journal.exists() and journal.read_bytes().count(b"\n") >= goal:
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    results = list(read_results(journal))
    assert sorted(r.path for r in results) == sorted(str(p) for p in many_images.iterdir())
    assert [r.path[-6:] for r in results if r.refusal] == [f"{k:02}.png" for k in range(3, 60, 10)]
    assert all((out / "overlays" / f"{k:02}.png").is_file() for k in range(60) if k % 10 != 3)


def test_two_processes_cannot_write_one_folder(screener, image_folder, tmp_path):
    from cxr.outputs import Journal

    out = tmp_path / "out"
    out.mkdir()
    with Journal(out / "results.jsonl", screener.identity), pytest.raises(ConfigError, match="another process"):
        screen_to_folder(screener, [image_folder], out, workers=1)
