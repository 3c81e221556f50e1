"""``cxr report --prior``: comparison with an earlier image, and its refusals."""

import json

import pytest
from typer.testing import CliRunner

from cxr.cli.main import build_app


@pytest.fixture
def report(tiny_bundle):
    return lambda *arguments: CliRunner().invoke(
        build_app(), ["report", *map(str, arguments), "--bundle", str(tiny_bundle)]
    )


def test_the_earlier_image_is_compared(report, image_folder):
    done = report(image_folder / "effusion.png", "--prior", image_folder / "healthy.png")
    assert done.exit_code == 0
    assert "COMPARISON: Pleural effusion: above its threshold now, not on the earlier image" in done.stdout
    line = report(image_folder / "effusion.png", "--prior", image_folder / "healthy.png", "--json").stdout
    compared = [s for s in json.loads(line)["report"]["sentences"] if s["section"] == "comparison"]
    assert compared[0]["finding"] == "Effusion"
    assert compared[0]["evidence"]["earlier_probability"] < compared[0]["evidence"]["probability"]


def test_a_refused_prior_ends_with_its_reason(report, image_folder, tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    done = report(image_folder / "effusion.png", "--prior", tmp_path / "empty.png")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "prior refused (empty_file)" in done.stderr
