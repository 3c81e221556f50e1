"""``cxr site`` on local tables and on a worklist."""

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from cxr.cli.main import build_app
from cxr.errors import CxrError
from cxr.operating_points import Certificate, OperatingPointSet
from cxr.screening import Bundle


@pytest.fixture(scope="module")
def points():
    return Bundle.load().operating_points


@pytest.fixture
def tables(tmp_path, points):
    """300 local patients without any finding: all score low, but for Mass, which fires in every third."""

    def write(names=points.label_space):
        with (tmp_path / "p.csv").open("w") as p, (tmp_path / "l.csv").open("w") as table:
            predictions, labels = csv.writer(p), csv.writer(table)
            predictions.writerow(["Image Index", *(f"prob_{name}" for name in names)])
            labels.writerow(["Image Index", "Finding Labels", "Patient ID", "View Position"])
            rng = np.random.default_rng(0)
            for i in range(300):
                scores = [(0.9 if i % 3 == 0 else 0.001 * rng.random()) if n == "Mass" else 1e-5 for n in names]
                predictions.writerow([f"{i}.png", *scores])
                labels.writerow([f"{i}.png", "No Finding", i, "PA"])
        return ["--predictions", str(tmp_path / "p.csv"), "--labels", str(tmp_path / "l.csv")]

    return write


def invoke(*arguments):
    return CliRunner().invoke(build_app(), ["site", *arguments])


def test_a_contradicted_promise_is_withdrawn_and_replaced_in_the_file(tables, tmp_path, points):
    done = invoke(*tables(), "-o", str(tmp_path / "here"))
    assert done.exit_code == 1
    assert "contradict Mass (positive)" in done.output
    found = {(t["name"], t["kind"]): t for t in json.loads((tmp_path / "here" / "site.json").read_text())}
    mass = found["Mass", "positive"]
    assert (mass["verdict"], mass["errors"], mass["n"]) == ("withdrawn", 100, 300)
    assert found["Edema", "positive"]["verdict"] == "confirmed"
    here = OperatingPointSet.load(tmp_path / "here" / "operating_points.json")
    here.require(model_sha256=points.model_sha256, label_space=points.label_space)
    assert here.findings["Edema"] == points.findings["Edema"]
    local = here.findings["Mass"]
    assert isinstance(local, Certificate)
    assert (local.n, local.threshold) == (300, 0.9)


def test_one_named_promise_is_tested_alone(tables):
    done = invoke(*tables(), "--promise", "Edema")
    assert done.exit_code == 0
    assert "Edema" in done.output
    assert "Mass" not in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "either --worklist, or --predictions"),
        (["--predictions", "p.csv"], "either --worklist, or --predictions"),
        (["--worklist", "nowhere"], "no worklist at nowhere"),
        (["--worklist", ".", "--bundle", "nowhere"], "no bundle at nowhere"),
    ],
)
def test_wrong_use_is_one_line(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = invoke(*arguments)
    assert isinstance(done.exception, CxrError)
    assert message in str(done.exception)


def test_unknown_names_and_missing_columns_are_refused(tables, points):
    done = invoke(*tables(), "--promise", "Gout")
    assert "'Gout': nothing is promised about it" in str(done.exception)
    done = invoke(*tables(points.label_space[1:]))
    assert f"has no 'prob_{points.label_space[0]}'" in str(done.exception)
    done = invoke(*tables(), "--delta", "1.5")
    assert "delta is 1.5" in str(done.exception)
