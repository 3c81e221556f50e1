"""The second look: what resembles a frontal film is refused or doubtful, and no doubtful film is below threshold."""

import csv
import dataclasses
import io
import json
import shutil
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from cxr.cli.main import main
from cxr.errors import BundleError, RefusalCode
from cxr.outputs import screen_to_folder
from cxr.phantom.lateral import lateral_film
from cxr.reporting.doubt import DOUBT_MEANINGS, Doubt
from cxr.screening import Bundle, Screener, parse_result_line, result_line
from cxr.screening.film_check import FilmCheck
from cxr.screening.manifest import FILM_CHECK_FILE, BundleDescription, seal_bundle
from cxr.training.quality_gate.lookalikes import lookalike


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    """Frontal phantoms, (256, 256) float32 each."""
    from cxr.phantom.cohort import generate_cohort

    cohort = generate_cohort(8, 256, 33, tmp_path_factory.mktemp("film_check") / "cohort")
    paths = sorted((cohort / "images").iterdir())
    return [np.asarray(Image.open(path).convert("L"), np.float32) / np.float32(255) for path in paths]


@pytest.fixture(scope="module")
def screener():
    return Screener(threads=1)


def png(pixels):
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels * 255).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def screened(screener, pictures):
    return [screener.examine("film.png", png(picture)).result for picture in pictures]


def with_check(source, folder, change):
    """A copy of a bundle whose second look was changed, sealed again."""
    bundle = Bundle.load(source)
    shutil.copytree(bundle.path, folder)
    (folder / FILM_CHECK_FILE).write_bytes(change(bundle.film_check))
    fields = {name: getattr(bundle.manifest, name) for name in BundleDescription.model_fields}
    seal_bundle(folder, BundleDescription(**fields))
    return folder


@pytest.fixture(scope="module")
def wary(tmp_path_factory):
    """A screener that doubts every film for its distance."""
    folder = tmp_path_factory.mktemp("wary") / "bundle"
    near = np.array([1e-6], np.float32)
    return Screener(
        with_check(None, folder, lambda check: dataclasses.replace(check, limit=near).to_bytes()), threads=1
    )


def test_frontal_phantoms_are_screened_and_few_are_doubtful(screener, phantoms):
    results = screened(screener, phantoms)
    assert {result.status for result in results} == {"screened"}
    assert sum(bool(result.doubts) for result in results) <= 1
    assert all(0 < result.distance < 3 for result in results)


def test_films_from_the_side_are_refused_or_doubtful(screener):
    rng = np.random.default_rng(101)
    results = screened(screener, [lateral_film(rng) for _ in range(12)])
    assert all(result.refusal or result.doubts for result in results)
    assert sum(result.refusal is not None for result in results) >= 10


def test_half_a_chest_is_refused(screener, phantoms):
    halves = [film[:, :128] for film in phantoms] + [film[:, 128:] for film in phantoms]
    refused = [result.refusal.code for result in screened(screener, halves) if result.refusal]
    assert len(refused) >= 0.9 * len(halves)
    assert refused.count(RefusalCode.CROPPED) > len(refused) / 2


@pytest.mark.parametrize("kind", ["several_views", "photographed", "screenshot", "annotated"])
def test_lookalikes_are_mostly_refused_or_doubtful(screener, phantoms, kind):
    rng = np.random.default_rng(102)
    results = screened(screener, [lookalike(kind, phantoms, rng) for _ in range(10)])
    assert sum(bool(result.refusal or result.doubts) for result in results) >= 8


def test_a_doubtful_film_is_not_below_threshold_in_any_output(wary, phantoms, tmp_path):
    (tmp_path / "in").mkdir()
    for number, film in enumerate(phantoms):
        (tmp_path / "in" / f"{number}.png").write_bytes(png(film))
    summary = screen_to_folder(wary, [tmp_path / "in"], tmp_path / "out", workers=1)
    assert (summary.screened, summary.doubtful) == (len(phantoms), len(phantoms))
    for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines():
        result = parse_result_line(line)
        assert Doubt.OUT_OF_DISTRIBUTION in result.doubts
        assert result.triage in {"refer", "read"}
        assert result.distance > 1
        assert all(decision.decision != "below" for decision in result.certified)
        assert "This result is doubtful" in result.report.text
        assert "above its threshold." not in result.report.text
        assert "Ruled out" not in result.report.text
    with (tmp_path / "out" / "results.csv").open() as stream:
        assert {row["doubts"] for row in csv.DictReader(stream)} == {"out_of_distribution"}
    page = (tmp_path / "out" / "worklist.html").read_text()
    assert page.count("pill doubtful") >= len(phantoms)
    assert f"Doubtful</b> ({len(phantoms)})" in page


def test_the_command_counts_the_doubtful(wary, phantoms, tmp_path, monkeypatch, capsys):
    (tmp_path / "film.png").write_bytes(png(phantoms[0]))
    given = [str(tmp_path / "film.png"), "--out", str(tmp_path / "out"), "--bundle", str(wary.bundle.path)]
    monkeypatch.setattr("sys.argv", ["cxr", "screen", *given])
    with suppress(SystemExit):
        main()
    assert "screened 1 (1 of them doubtful), refused 0" in capsys.readouterr().out


def test_a_result_cannot_be_doubtful_and_below_threshold(wary, phantoms):
    (result,) = screened(wary, phantoms[:1])
    assert parse_result_line(result_line(result)) == result
    line = json.loads(result_line(result)) | {"triage": "none"}
    with pytest.raises(Exception, match="not a result line"):
        parse_result_line(json.dumps(line))


def test_a_check_of_another_network_or_a_damaged_one_is_refused_at_loading(tmp_path):
    def of_another(check):
        return dataclasses.replace(check, model_sha256=np.array(["0" * 64])).to_bytes()

    def too_narrow(check):
        return dataclasses.replace(check, output=check.output[:, :-1]).to_bytes()

    for name, change, said in (
        ("other", of_another, "was made for model 000000000000"),
        ("narrow", too_narrow, "output is"),
        ("cut", lambda check: check.to_bytes()[:5000], "cannot be read"),
    ):
        with pytest.raises(BundleError, match=said):
            Screener(with_check(None, tmp_path / name, change), threads=1)


def test_the_file_is_the_same_for_the_same_check(screener):
    content = screener.bundle.contents[FILM_CHECK_FILE]
    assert FilmCheck.from_bytes(content).to_bytes() == content


def test_every_doubt_has_words():
    assert set(DOUBT_MEANINGS) == set(Doubt)
