"""``cxr report --prior``: comparison with an earlier image, and its refusals."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from cxr.cli.main import build_app
from cxr.errors import ConfigError


@pytest.fixture
def report(tiny_bundle):
    return lambda *arguments, catch=True: CliRunner().invoke(
        build_app(), ["report", *map(str, arguments), "--bundle", str(tiny_bundle)], catch_exceptions=catch
    )


@pytest.fixture
def visits(make_dicom, chest_pixels, tmp_path):
    """``visits(date, **elements)`` -> a film of one patient, of another picture at each date."""

    def make(date="20250101", **elements):
        pixels = chest_pixels(96, 80, blob=(50, 45, 30, 25), seed=int(date)).astype(np.uint16) * 16
        path = tmp_path / f"{date}{len(list(tmp_path.iterdir()))}.dcm"
        make_dicom(pixels, StudyDate=date, **elements).save_as(path, enforce_file_format=True)
        return path

    return make


def test_the_earlier_image_is_compared(report, image_folder):
    done = report(image_folder / "effusion.png", "--prior", image_folder / "healthy.png")
    assert done.exit_code == 0
    assert "COMPARISON: Pleural effusion: above its threshold now, not on the earlier image" in done.stdout
    line = report(image_folder / "effusion.png", "--prior", image_folder / "healthy.png", "--json").stdout
    compared = [s for s in json.loads(line)["report"]["sentences"] if s["section"] == "comparison"]
    assert compared[0]["finding"] == "Effusion"
    assert compared[0]["evidence"]["earlier_probability"] < compared[0]["evidence"]["probability"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"PatientID": "somebody else"}, "their headers name different patients"),
        ({"ViewPosition": "AP"}, "one is taken from the front (AP), the other from the back (PA)"),
    ],
)
def test_an_earlier_film_that_does_not_compare_is_named_and_left_out(report, visits, changes, said):
    done = report(visits(), "--prior", visits("20240101", **changes))
    assert done.exit_code == 1
    assert said in done.stderr
    assert "COMPARISON" not in done.stdout
    assert "FINDINGS" in done.stdout


def test_an_earlier_film_of_the_same_patient_is_compared_and_a_later_one_is_wrong_use(report, visits):
    done = report(visits(), "--prior", visits("20240101"))
    assert (done.exit_code, "COMPARISON" in done.stdout) == (0, True)
    with pytest.raises(ConfigError, match="name the earlier film first"):
        report(visits("20240101"), "--prior", visits(), catch=False)


def test_a_refused_prior_ends_with_its_reason(report, image_folder, tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    done = report(image_folder / "effusion.png", "--prior", tmp_path / "empty.png")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "prior refused (empty_file)" in done.stderr
