import dataclasses
import html
import re

import pytest
from PIL import Image

from cxr.outputs import screen_to_folder
from cxr.outputs.writers import worklist as worklist_module
from cxr.outputs.writers.worklist import urgency, write_worklist
from cxr.screening import Screener, result_line


@pytest.fixture(scope="module")
def screener(tiny_bundle):
    return Screener(tiny_bundle, threads=1)


@pytest.fixture
def finished(screener, image_folder, tmp_path):
    (image_folder / "<script>alert(1)<").mkdir()
    hostile = image_folder / "<script>alert(1)<" / "&quot;'>.png"
    hostile.write_bytes((image_folder / "effusion.png").read_bytes())
    (image_folder / "<img src=x onerror=alert(2)>.png").write_bytes(b"")
    out = tmp_path / "out"
    screen_to_folder(screener, [image_folder], out, workers=1)
    return out


def test_page_is_sorted_by_urgency_and_counts_everything(finished):
    page = (finished / "worklist.html").read_text()
    states = re.findall(r'<article class="case (\w+)"', page)
    assert states == ["refer", "refer", "refer", "none"]
    assert re.search(r"<b>4</b><span>Screened", page)
    assert re.search(r"<b>1</b><span>Refused", page)


def test_page_asks_for_nothing_outside(finished):
    page = (finished / "worklist.html").read_text()
    assert "default-src 'none'" in page
    assert not re.search(r"(https?:)?//[a-z]", re.sub(r"base64,[A-Za-z0-9+/=]+", "", page))
    sources = re.findall(r'src="([^"]{0,30})', page)
    assert sources
    assert all(s.startswith("data:image/jpeg;base64,") for s in sources)


def test_names_from_outside_are_text_never_markup(finished):
    page = (finished / "worklist.html").read_text()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert html.escape("<img src=x onerror=alert(2)>.png") in page


def test_only_the_most_urgent_carry_their_picture(finished, screener, monkeypatch):
    monkeypatch.setattr(worklist_module, "MAX_PICTURES", 1)
    write_worklist(finished, screener.identity, screener.bundle.manifest.label_space)
    page = (finished / "worklist.html").read_text()
    assert page.count("data:image/jpeg") == 1
    assert page.count("open overlay") == 3


def test_folder_with_refusals_only_still_gives_a_page(screener, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.png").write_bytes(b"")
    screen_to_folder(screener, [tmp_path / "in"], tmp_path / "out", workers=1)
    page = (tmp_path / "out" / "worklist.html").read_text()
    assert "No input could be screened." in page
    assert "empty_file" in page


def test_urgency_orders_triage_first_then_the_expected_cost_of_waiting(screener, image_folder):
    found = screener.screen(image_folder / "effusion.png")
    healthy = screener.screen(image_folder / "healthy.png")
    to_read = dataclasses.replace(healthy, triage="read")

    def certain(result, value):
        findings = tuple(dataclasses.replace(f, probability=value) for f in result.findings)
        return dataclasses.replace(result, findings=findings)

    order = [certain(found, 0.99), certain(found, 0.7), certain(to_read, 0.4), to_read, healthy]
    assert sorted(order[3:] + order[:3], key=urgency) == order


def test_page_fits_small_and_large_runs_alike(finished, screener):
    """Every result is read twice and none is kept: the page of a long journal is written as it is read."""
    Image.new("RGB", (8, 8)).save(finished / "overlays" / "more.png")
    line = (finished / "results.jsonl").read_text().splitlines()[-1]
    result = worklist_module.parse_result_line(line)
    with (finished / "results.jsonl").open("a") as stream:
        for k in range(500):
            stream.write(result_line(dataclasses.replace(result, path=f"more/{k}.png")) + "\n")
    write_worklist(finished, screener.identity, screener.bundle.manifest.label_space)
    assert (finished / "worklist.html").read_text().count("<article") == 504
