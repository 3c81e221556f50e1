"""Two visits: laid over each other, compared finding by finding, or refused by name."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pydicom
import pytest

from cxr.cli.main import main
from cxr.comparison import Change, NotComparable, compare_films, register
from cxr.comparison.timeline import difference_picture, timeline_page
from cxr.errors import ConfigError
from cxr.localization import Box
from cxr.localization.anatomy import Anatomy
from cxr.reporting.patient import PatientEstimate
from cxr.screening import Screener

EXAMPLES = Path(__file__).parents[2] / "app" / "examples"
FIRST, SECOND = EXAMPLES / "00000006_000.dcm", EXAMPLES / "00000006_002.dcm"


def chest(matrix=((1.0, 0.0), (0.0, 1.0)), offset=(0.0, 0.0), side=200) -> Anatomy:
    """Two lungs and a heart as ellipses, moved by an affine map in shares of the film."""
    grid = (np.arange(side) + 0.5) / side
    places = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1)
    back = (places - np.array(offset)) @ np.linalg.inv(np.array(matrix)).T

    def ellipse(y, x, tall, wide):
        return ((back[..., 0] - y) / tall) ** 2 + ((back[..., 1] - x) / wide) ** 2 < 1

    return Anatomy(ellipse(0.5, 0.32, 0.3, 0.13), ellipse(0.5, 0.7, 0.28, 0.12), ellipse(0.62, 0.55, 0.14, 0.13))


def test_a_known_affine_map_is_found():
    matrix, offset = np.array([[1.08, 0.04], [-0.03, 0.94]]), np.array([-0.05, 0.06])
    found = register(chest(), chest(matrix, offset))
    assert found.error < 0.01 < found.before
    assert np.abs(found.matrix - matrix).max() < 0.05
    moved = found.box(Box(40, 60, 20, 10, 0.5), (200, 200), (400, 400))
    corners = np.array([[y, x] for y in (60, 70) for x in (40, 60)]) / 200
    wanted = (corners @ matrix.T + offset) * 400
    assert (moved.y, moved.x) == pytest.approx(wanted.min(axis=0), abs=8)
    assert (moved.y + moved.height, moved.x + moved.width) == pytest.approx(wanted.max(axis=0), abs=8)
    assert moved.score == 0.5


def test_a_warped_film_lies_over_the_other_one():
    matrix, offset = np.array([[1.05, 0.0], [0.0, 0.9]]), np.array([0.02, 0.05])
    before, after = chest(), chest(matrix, offset, side=300)
    warped = register(before, after).warp(before.right_lung.astype(np.float32), (300, 300)) > 0.5
    assert (warped & after.right_lung).sum() / (warped | after.right_lung).sum() > 0.93


def test_without_an_outline_nothing_is_laid_over_anything():
    empty = np.zeros((200, 200), bool)
    assert register(chest(), dataclasses.replace(chest(), heart=empty)) is None
    assert register(dataclasses.replace(chest(), left_lung=empty), chest()) is None
    assert register(chest(), chest(((2.5, 0.0), (0.0, 2.5)), (-0.75, -0.75))) is None


@pytest.fixture(scope="module")
def screener():
    return Screener(threads=1)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two visits of one phantom, of one view as their headers say."""
    folder = tmp_path_factory.mktemp("visits")
    for path in (FIRST, SECOND):
        film = pydicom.dcmread(path)
        film.ViewPosition = "PA"
        film.save_as(folder / path.name)
    return [folder / path.name for path in (FIRST, SECOND)]


@pytest.fixture(scope="module")
def visits(screener, files):
    return [screener.examine(name, path) for name, path in zip(("first.dcm", "second.dcm"), files, strict=True)]


def changed(film, *, finding=None, probability=None, positive=None, patient=None, **metadata):
    """A screened film of which something else is said."""
    findings = tuple(
        dataclasses.replace(found, probability=probability, positive=positive) if found.name == finding else found
        for found in film.result.findings
    )
    result = dataclasses.replace(film.result, findings=findings, patient=patient or film.result.patient)
    artifacts = dataclasses.replace(film.artifacts, metadata=dataclasses.replace(film.artifacts.metadata, **metadata))
    return dataclasses.replace(film, result=result, artifacts=artifacts)


@pytest.mark.parametrize(
    ("before", "after", "course", "said"),
    [
        ((0.02, False), (0.9, True), Change.NEW, "Pleural effusion is new (2%, now 90%)."),
        ((0.9, True), (0.02, False), Change.RESOLVED, "Pleural effusion is no longer seen (90%, now 2%)."),
        ((0.5, True), (0.95, True), Change.LARGER, "Pleural effusion is more pronounced"),
        ((0.95, True), (0.5, True), Change.SMALLER, "Pleural effusion is less pronounced"),
        ((0.5, True), (0.52, True), Change.UNCHANGED, "Pleural effusion unchanged"),
        ((0.44, False), (0.46, True), Change.UNCHANGED, "Pleural effusion unchanged"),
        ((0.01, False), (0.2, False), Change.ABSENT, ""),
    ],
)
def test_a_change_counts_beyond_what_unchanged_films_differ_by(screener, visits, before, after, course, said):
    films = [
        changed(film, finding="Effusion", probability=p, positive=positive)
        for film, (p, positive) in zip(visits, (before, after), strict=True)
    ]
    comparison, _ = compare_films(screener.bundle, *films)
    found = next(change for change in comparison.findings if change.name == "Effusion")
    assert found.change is course
    assert said in comparison.text
    back, _ = compare_films(
        screener.bundle,
        changed(films[1], study_date=None, sha256="b" * 64),
        changed(films[0], study_date=None),
    )
    assert next(c for c in back.findings if c.name == "Effusion").difference == pytest.approx(-found.difference)


def test_films_that_do_not_compare_are_refused_by_name(screener, visits):
    def reasons(earlier, later):
        comparison, registration = compare_films(screener.bundle, earlier, later)
        assert (registration is None) == bool(comparison.reasons)
        assert comparison.reasons or comparison.findings
        return set(comparison.reasons)

    first, second = visits
    assert reasons(first, second) == set()
    assert reasons(first, changed(second, patient_id="somebody else")) == {NotComparable.OTHER_PATIENT_ID}
    assert reasons(first, changed(second, patient_id_issuer="another hospital")) == {NotComparable.OTHER_PATIENT_ID}
    assert reasons(first, changed(second, view_position="AP")) == {NotComparable.OTHER_VIEW}
    shown = [PatientEstimate(age=50, female=0.5, ap=ap) for ap in (0.01, 0.99)]
    unnamed = [changed(film, patient=who, view_position=None) for film, who in zip(visits, shown, strict=True)]
    assert NotComparable.OTHER_VIEW in reasons(*unnamed)
    stranger = dataclasses.replace(second.artifacts, identity=-first.artifacts.identity)
    nameless = changed(dataclasses.replace(second, artifacts=stranger), patient_id=None)
    assert reasons(first, nameless) == {NotComparable.PERHAPS_OTHER_PATIENT}


def test_wrong_order_the_same_film_and_a_refused_film_are_errors(screener, visits, tmp_path):
    first, second = visits
    with pytest.raises(ConfigError, match="name the earlier film first"):
        compare_films(screener.bundle, second, first)
    with pytest.raises(ConfigError, match="are the same film"):
        compare_films(screener.bundle, first, first)
    empty = tmp_path / "empty.png"
    empty.touch()
    with pytest.raises(ConfigError, match="was refused"):
        compare_films(screener.bundle, first, screener.examine("empty.png", empty))


def test_the_page_shows_every_visit_and_no_patient(screener, visits):
    steps = [compare_films(screener.bundle, *visits)]
    page = timeline_page(visits, steps)
    assert page.count("data:image/jpeg;base64,") == 3
    for film in visits:
        metadata = film.artifacts.metadata
        date = metadata.study_date
        assert f"{date[:4]}-{date[4:6]}-{date[6:]}" in page
        assert metadata.patient_id not in page


def test_equal_films_differ_nowhere(visits):
    film = visits[0].artifacts
    same = register(film.heatmaps.anatomy, film.heatmaps.anatomy)
    assert same.error < 0.002
    picture = np.asarray(difference_picture(film.pixels, film.pixels, same)).astype(int)
    assert (np.abs(picture[..., 0] - picture[..., 2]) > 60).mean() < 0.02


def test_the_command(files, tmp_path, capsys, monkeypatch):
    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["cxr", "compare", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code or 0, *capsys.readouterr()

    status, out, _ = run(*files, "--json", "--page", tmp_path / "visits.html")
    assert status == 0
    assert json.loads(out)["reasons"] == []
    assert "2 visits compared" in (tmp_path / "visits.html").read_text()
    status, out, _ = run(FIRST, SECOND)
    assert (status, out) == (
        1,
        "The films are not compared: one is taken from the front (AP), the other from the back (PA).\n",
    )
    status, _, error = run(FIRST)
    assert (status, len(error.splitlines())) == (2, 1)
    assert "name two or more" in error
