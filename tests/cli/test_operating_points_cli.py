"""``cxr operating-points two-sided`` and ``show`` on a made-up set of predictions."""

import csv

import numpy as np
import pytest
from typer.testing import CliRunner

from cxr.cli.main import build_app
from cxr.errors import CxrError
from cxr.operating_points import TwoSidedCertificates


@pytest.fixture
def tables(tmp_path):
    """600 patients with one film each, in the layout of the NIH tables."""
    rng = np.random.default_rng(0)
    with (tmp_path / "p.csv").open("w") as p, (tmp_path / "l.csv").open("w") as table:
        predictions, labels = csv.writer(p), csv.writer(table)
        predictions.writerow(["Image Index", "prob_Effusion", "prob_Edema"])
        labels.writerow(["Image Index", "Finding Labels", "Patient ID", "View Position"])
        for i in range(600):
            there = rng.random(2) < 0.3
            scores = np.where(there, rng.beta(5, 2, 2), rng.beta(2, 5, 2))
            found = [name for name, y in zip(("Effusion", "Edema"), there, strict=True) if y]
            predictions.writerow([f"{i}.png", *scores.round(6)])
            labels.writerow([f"{i}.png", "|".join(found) or "No Finding", i, "PA" if i % 2 else "AP"])
    return ["--predictions", str(tmp_path / "p.csv"), "--labels", str(tmp_path / "l.csv")]


def invoke(*arguments):
    return CliRunner().invoke(build_app(), ["operating-points", *arguments])


def test_named_findings_are_certified_by_view_and_shown(tables, tmp_path):
    out = tmp_path / "two_sided.json"
    done = invoke("two-sided", *tables, "-o", str(out), "--target", "wet=Effusion, Edema", "--by-view")
    assert done.exit_code == 0, done.output
    written = TwoSidedCertificates.load(out)
    assert (written.targets, written.views) == ({"wet": ("Effusion", "Edema")}, ("AP", "PA"))
    shown = invoke("show", str(out))
    assert shown.exit_code == 0
    assert "wet" in shown.output
    assert "refer" in shown.output
    assert "below" in shown.output


def test_nothing_certified_at_the_levels_used_is_exit_status_1(tables, tmp_path):
    levels = ("--level", "0.001", "--refer-limit", "0.001", "--miss-limit", "0.001")
    done = invoke("two-sided", *tables, "-o", str(tmp_path / "x.json"), *levels)
    assert done.exit_code == 1
    assert "nothing is certified at the levels used" in done.output


@pytest.mark.parametrize("target", ["wet", "wet=", "=Effusion", "wet=Fracture"])
def test_a_target_that_names_nothing_is_refused(tables, tmp_path, target):
    done = invoke("two-sided", *tables, "-o", str(tmp_path / "x.json"), "--target", target)
    assert isinstance(done.exception, CxrError)
    assert not (tmp_path / "x.json").exists()
