"""``cxr benchmark reports``: two files in, errors and everything that was left out, by its reason, out."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cxr.benchmark.reports import compare_report_files
from cxr.cli.main import build_app
from cxr.errors import CxrError
from nlp_labeler import Labeler

RIGHT = {
    "a": "FINDINGS: Small left pleural effusion. No pneumothorax.",
    "b": "FINDINGS: The lungs are clear. No pleural effusion.",
    "c": "Kein Pneumothorax. Kein Pleuraerguss. Das Herz ist normal gross.",
    "d": "FINDINGS: Heart size is normal.",
    "e": "",
}
GIVEN = {
    "b": "FINDINGS: Clear lungs. No effusion.",
    "a": "FINDINGS: Small right pleural effusion. No pneumothorax.",
    "c": "FINDINGS: No pneumothorax.",
    "e": "FINDINGS: No pneumothorax.",
    "x": "FINDINGS: Cardiomegaly.",
}


def write(path: Path, reports: dict[str, str], **more: str) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "text", *more])
        writer.writerows([name, text, *more.values()] for name, text in reports.items())
    return path


def test_everything_is_compared_or_left_out_by_its_reason(tmp_path):
    sources = write(tmp_path / "right.csv", RIGHT), write(tmp_path / "given.csv", GIVEN)
    arguments = ["benchmark", "reports", *map(str, sources), "--out", str(tmp_path / "out"), "--engine", "surface"]
    result = CliRunner().invoke(build_app(), arguments)
    assert result.exit_code == 1, result.output
    with (tmp_path / "out" / "errors.csv").open() as stream:
        assert [row["id"] + row["kind"] for row in csv.DictReader(stream)] == ["awrong place"]
    with (tmp_path / "out" / "left_out.csv").open() as stream:
        left_out = {row["id"]: row["reason"] for row in csv.DictReader(stream)}
    assert left_out == {
        "c": "reference not English",
        "d": "no candidate",
        "e": "reference missing_text",
        "x": "no reference",
    }
    content = json.loads((tmp_path / "out" / "report_errors.json").read_text())
    assert content["per_report"]["n_reports"] == 2
    assert content["per_report"]["total"]["value"] == 0.5
    assert sum(content["left_out"].values()) == 4


def test_an_id_that_stands_twice_is_refused_by_name(tmp_path):
    right = write(tmp_path / "right.csv", RIGHT)
    twice = tmp_path / "given.jsonl"
    twice.write_text('{"id": "a", "text": "No effusion."}\n{"id": "a", "text": "Effusion."}\n')
    with pytest.raises(CxrError, match="'a' stands twice"):
        compare_report_files(right, twice, Labeler.load("openi", "surface"))


def test_the_patients_column_must_be_there(tmp_path):
    right, given = write(tmp_path / "right.csv", RIGHT, sex="F"), write(tmp_path / "given.csv", GIVEN)
    with pytest.raises(CxrError, match=r"no 'subject'.*columns beside the text are id, sex"):
        compare_report_files(right, given, Labeler.load("openi", "surface"), patient="subject")
    one_patient = compare_report_files(right, given, Labeler.load("openi", "surface"), patient="sex")
    assert one_patient.summary.n_patients == 1


def test_nothing_that_can_be_compared_is_an_error(tmp_path):
    right, given = (
        write(tmp_path / "right.csv", {"a": "No effusion."}),
        write(tmp_path / "given.csv", {"b": "No mass."}),
    )
    with pytest.raises(CxrError, match="1 no candidate, 1 no reference"):
        compare_report_files(right, given, Labeler.load("openi", "surface"))
