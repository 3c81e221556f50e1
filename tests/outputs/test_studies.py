"""One result per examination: the worst usable film decides, everything else is named."""

import csv
import dataclasses
import json

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import generate_uid

from cxr.errors import RefusalCode
from cxr.outputs import read_results, screen_to_folder
from cxr.outputs.writers.studies import study_of
from cxr.screening import InputRefusal, Screener, ScreeningResult
from cxr.screening.film_identity import FilmIdentity, film_identity
from cxr.screening.result import ModelIdentity

MODEL = ModelIdentity("tiny", "1", "0" * 64)


@pytest.fixture(scope="module")
def screener(tiny_bundle):
    return Screener(tiny_bundle, threads=1)


@pytest.fixture
def film(screener, image_folder):
    """``film(name, picture, **changes)`` -> a screened result of a study's film."""

    def make(instance, picture, source="healthy.png", **changes):
        result = screener.screen(image_folder / source, name=f"{instance}.dcm")
        return dataclasses.replace(result, film=FilmIdentity("study", instance, picture), **changes)

    return make


def refused(instance, code):
    refusal = InputRefusal(code, "no")
    return ScreeningResult(
        f"{instance}.dcm", None, "refused", refusal, (), None, None, MODEL, film=FilmIdentity("study", instance)
    )


def test_the_worst_usable_film_decides_and_the_lateral_is_named(film):
    films = [
        film("a", "1", triage="none"),
        film("b", "2", "effusion.png", triage="refer"),
        refused("c", RefusalCode.WRONG_VIEW),
    ]
    study = study_of(films)
    assert study.triage == "refer"
    assert [f.fate for f in study.films] == ["screened", "screened", "wrong_view"]
    assert "Effusion" in study.positive
    for name, probability in study.probabilities.items():
        assert probability == max(f.probability for r in films[:2] for f in r.findings if f.name == name)


@pytest.mark.parametrize(
    ("code", "triage"),
    [(RefusalCode.WRONG_VIEW, "none"), (RefusalCode.CROPPED, "read"), (RefusalCode.SCREENING_FAILED, "read")],
)
def test_with_a_film_that_could_not_be_screened_an_examination_is_not_below_threshold(film, code, triage):
    assert study_of([film("a", "1", triage="none"), refused("b", code)]).triage == triage


def test_where_no_film_is_usable_there_is_no_triage():
    study = study_of([refused("a", RefusalCode.WRONG_VIEW), refused("b", RefusalCode.INVERTED)])
    assert (study.triage, study.probabilities, study.ruled_out) == (None, {}, ())


def test_copies_are_told_apart_by_object_and_by_picture(film):
    films = [
        film("a", "1", triage="none"),
        film("a", "1", "effusion.png", triage="refer"),
        film("b", "1", "effusion.png", triage="refer"),
        film("a", "2", triage="read"),
    ]
    study = study_of(films)
    assert [f.fate for f in study.films] == ["screened", "same_object", "same_picture", "same_object_other_picture"]
    assert study.triage == "read"


def test_hashes_name_nobody_and_broken_headers_say_nothing(make_dicom):
    dataset = make_dicom(np.zeros((64, 64), np.uint16))
    dataset.StudyInstanceUID = generate_uid()
    found = film_identity(dataset, np.zeros((4, 4), np.uint8))
    assert dataset.StudyInstanceUID not in str(found)
    assert found.study != found.instance
    assert found.study == film_identity(dataset, None).study
    dataset.StudyInstanceUID = ""
    assert film_identity(dataset, None).study is None
    assert film_identity(None, None) is None


def test_a_folder_of_examinations(screener, make_dicom, tmp_path):
    """Interleaved films of two examinations, a copy under another name, a PNG without any identity, a text file."""
    rng = np.random.default_rng(0)
    studies = [generate_uid(), generate_uid()]
    source = tmp_path / "films"
    source.mkdir()
    for number in range(6):
        pixels = rng.integers(1000, 3000, (96, 96)).astype(np.uint16)
        view = "LL" if number == 4 else "PA"
        dataset = make_dicom(
            pixels, SOPInstanceUID=generate_uid(), StudyInstanceUID=studies[number % 2], ViewPosition=view
        )
        dataset.save_as(source / f"{number}.dcm", enforce_file_format=True)
    pydicom.dcmread(source / "0.dcm").save_as(source / "copy of 0.dcm")
    Image.fromarray(rng.integers(0, 255, (96, 96), dtype=np.uint8)).save(source / "plain.png")
    (source / "broken.dcm").write_text("not DICOM")
    out = tmp_path / "out"
    summary = screen_to_folder(screener, [source], out, workers=2)
    assert summary.new == 9
    found = [json.loads(line) for line in (out / "studies.jsonl").read_text().splitlines()]
    paths = [film["path"] for study in found for film in study["films"]]
    assert sorted(paths) == sorted(result.path for result in read_results(out / "results.jsonl"))
    sizes = sorted(len(study["films"]) for study in found)
    assert sizes == [1, 1, 3, 4]
    largest = next(study for study in found if len(study["films"]) == 4)
    assert sorted(film["fate"] for film in largest["films"]) == ["same_object", "screened", "screened", "wrong_view"]
    with (out / "studies.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["study"] for row in rows] == [study["study"] or "" for study in found]
    of_largest = rows[found.index(largest)]
    assert (of_largest["films"], of_largest["usable"], of_largest["copies"], of_largest["refused"]) == (
        "4",
        "2",
        "1",
        "1",
    )
    assert not any(
        uid in (out / name).read_text() for uid in studies for name in ("studies.csv", "studies.jsonl", "results.jsonl")
    )
    before = {name: (out / name).read_bytes() for name in ("studies.csv", "studies.jsonl")}
    screen_to_folder(screener, [source], out, workers=2)
    assert {name: (out / name).read_bytes() for name in before} == before
