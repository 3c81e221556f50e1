"""Parts of an archive on several machines, and their results in one folder again."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cxr.errors import ConfigError
from cxr.outputs import read_results, screen_to_folder
from cxr.outputs.merging import merge_results
from cxr.screening import Screener, Shard, find_inputs


@pytest.fixture(scope="module")
def screener(tiny_bundle):
    return Screener(tiny_bundle, threads=1)


@pytest.fixture
def films(tmp_path):
    """Twelve films in two folders, names repeated; one file that is no image."""
    rng = np.random.default_rng(0)
    for number in range(12):
        folder = tmp_path / "films" / ("a" if number % 2 else "b")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(20, 60, (80, 80), dtype=np.uint8)
        if number % 3 == 0:
            pixels[50:70, 20:70] = 250
        Image.fromarray(pixels).save(folder / f"{number // 2}.png")
    (tmp_path / "films" / "broken.dcm").write_text("not DICOM")
    return tmp_path / "films"


@pytest.fixture
def parts(screener, films, tmp_path):
    """The films screened in three parts."""
    out = []
    for number in (1, 2, 3):
        out.append(tmp_path / f"part {number}")
        screen_to_folder(screener, [films], out[-1], workers=1, shard=Shard(number, 3), page=False)
    return out


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_every_input_is_in_exactly_one_part(films, count):
    whole = [item.name for item in find_inputs([films])]
    parts = [[item.name for item in find_inputs([films], shard=Shard(n, count))] for n in range(1, count + 1)]
    assert sorted(name for part in parts for name in part) == sorted(whole)


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/", "/2", "a/b", "1/2/3", "-1/3", "1.0/2"])
def test_what_is_no_part_is_refused(text):
    with pytest.raises(ConfigError, match="NUMBER/COUNT"):
        Shard.parse(text)
    assert Shard.parse("2/8") == Shard(2, 8)


def test_merged_parts_are_what_one_machine_would_have_made(screener, films, parts, tmp_path):
    screen_to_folder(screener, [films], tmp_path / "whole", workers=1)
    before = {path: path.read_bytes() for part in parts for path in part.rglob("*") if path.is_file()}
    summary = merge_results(parts, tmp_path / "merged")
    assert (summary.results, summary.refused, summary.repeated) == (13, 1, 0)
    whole, merged = (
        {result.path: result for result in read_results(tmp_path / name / "results.jsonl")}
        for name in ("whole", "merged")
    )
    assert merged == whole
    assert {path: path.read_bytes() for part in parts for path in part.rglob("*") if path.is_file()} == before
    pictures = [
        sorted(path.read_bytes() for path in (tmp_path / name / "overlays").iterdir()) for name in ("whole", "merged")
    ]
    assert pictures[0] == pictures[1]
    assert len(pictures[0]) == 12
    assert (tmp_path / "merged" / "worklist.html").read_text().count("<article") == 12
    with (tmp_path / "merged" / "results.csv").open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 13


def test_a_merge_that_was_cut_short_goes_on(parts, tmp_path):
    merge_results(parts, tmp_path / "merged", page=False)
    wanted = sorted((tmp_path / "merged" / "results.jsonl").read_text().splitlines())
    journal = tmp_path / "merged" / "results.jsonl"
    content = journal.read_bytes()
    journal.write_bytes(content[: len(content) // 2])
    summary = merge_results([*parts, parts[0]], tmp_path / "merged", page=False)
    assert sorted(journal.read_text().splitlines()) == wanted
    assert summary.repeated == len((parts[0] / "results.jsonl").read_text().splitlines())
    assert not (tmp_path / "merged" / "worklist.html").exists()


def test_what_does_not_belong_together_is_not_merged(parts, make_bundle, films, tmp_path):
    other = tmp_path / "other"
    screen_to_folder(Screener(make_bundle(two_sided=True), threads=1), [films], other, workers=1, page=False)
    with pytest.raises(ConfigError, match="do not mix"):
        merge_results([parts[0], other], tmp_path / "mixed")
    changed = tmp_path / "changed"
    shutil.copytree(parts[0], changed)
    lines = [json.loads(line) for line in (changed / "results.jsonl").read_text().splitlines()]
    lines[0]["sha256"] = "0" * 64
    (changed / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(ConfigError, match="is another file than in an earlier folder"):
        merge_results([parts[0], changed], tmp_path / "twice")
    with pytest.raises(ConfigError, match="holds no results"):
        merge_results([tmp_path], tmp_path / "none")
    with pytest.raises(ConfigError, match="is one of the folders"):
        merge_results(parts, parts[1])


@pytest.mark.parametrize("kept", ["all", "refer", "none"])
def test_pictures_are_kept_of_what_is_asked_for(screener, films, tmp_path, kept):
    out = tmp_path / "out"
    screen_to_folder(screener, [films], out, workers=1, overlays=kept)
    screened = [result for result in read_results(out / "results.jsonl") if result.refusal is None]
    wanted = {"all": len(screened), "refer": sum(r.triage == "refer" for r in screened), "none": 0}[kept]
    pictures = list((out / "overlays").iterdir()) if (out / "overlays").exists() else []
    assert len(pictures) == wanted
    page = (out / "worklist.html").read_text()
    assert page.count("no picture kept") == len(screened) - wanted
    assert all(f'href="overlays/{path.name}"' in page for path in pictures)
