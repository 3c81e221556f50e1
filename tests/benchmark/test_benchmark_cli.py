"""The commands as a clinic types them: exit status, one line for what is wrong, files written."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cxr.cli.main import build_app
from cxr.errors import CxrError


def cxr(*arguments: object):
    """Run the command line; expected errors come back as exceptions, which main() turns into one line and exit 2."""
    result = CliRunner().invoke(build_app(), [str(a) for a in arguments])
    if isinstance(result.exception, CxrError):
        raise result.exception
    return result


def test_benchmark_of_predictions(tables, tmp_path: Path) -> None:
    predictions, labels = tables.write()
    out = tmp_path / "out"
    result = cxr("benchmark", "--predictions", predictions, "--labels", labels, "--out", out, "--resamples", 100)
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in out.iterdir()) == [
        "benchmark.html",
        "benchmark.json",
        "benchmark.md",
        "predictions.csv",
    ]
    compared = cxr("benchmark", "compare", out, out, "--resamples", 100)
    assert compared.exit_code == 0
    assert "+0.0000" in compared.output


def test_benchmark_needs_one_of_its_two_ways_in(tables, tmp_path: Path) -> None:
    predictions, _ = tables.write()
    with pytest.raises(CxrError, match="either DATASET with --bundle, or --predictions with --labels"):
        cxr("benchmark", "--predictions", predictions, "--out", tmp_path)
    with pytest.raises(CxrError, match="either DATASET"):
        cxr("benchmark", tmp_path, "--out", tmp_path)


@pytest.mark.parametrize("command", [["benchmark"], ["benchmark", "run"], ["benchmark", "compare"]])
def test_help(command: list[str]) -> None:
    result = cxr(*command, "--help")
    assert result.exit_code == 0
    assert "predictions" in result.output or "DeLong" in result.output


def fit(tables, tmp_path: Path, alpha: float):
    predictions, labels = tables.write()
    certificate = tmp_path / "certificate.json"
    result = cxr(
        "operating-points", "fit", "--predictions", predictions, "--labels", labels, "--alpha", alpha, "-o", certificate
    )
    return result, certificate


def test_fit_show_and_check(tables, build_tables, tmp_path: Path) -> None:
    result, certificate = fit(tables, tmp_path, 0.05)
    assert result.exit_code == 0, result.output
    content = json.loads(certificate.read_text())
    point = content["findings"]["Mass"]
    assert point["n"] >= point["k"] > 0
    assert 0 < point["threshold"] < 1
    assert "at most 0.05" in point["guarantee"]
    shown = cxr("operating-points", "show", certificate, "--prevalence", 0.02)
    assert shown.exit_code == 0
    (tmp_path / "new").mkdir()
    predictions, labels = build_tables(tmp_path / "new", seed=7).write()
    checked = cxr("operating-points", "check", certificate, "--predictions", predictions, "--labels", labels)
    assert checked.exit_code == 0, checked.output


def test_check_calls_a_certificate_broken_where_scores_have_shifted(tables, build_tables, tmp_path: Path) -> None:
    _, certificate = fit(tables, tmp_path, 0.05)
    (tmp_path / "new").mkdir()
    shifted = build_tables(tmp_path / "new", seed=7)
    for row in shifted.predictions[1:]:
        row[1:] = [str(min(1.0, float(p) + 0.3)) for p in row[1:]]
    predictions, labels = shifted.write()
    checked = cxr("operating-points", "check", certificate, "--predictions", predictions, "--labels", labels)
    assert checked.exit_code == 1
    assert "broken here: Effusion, Mass, Pneumothorax, any finding" in checked.stderr


def test_fit_refuses_what_too_few_patients_cannot_promise(build_tables, tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    few = build_tables(tmp_path / "few", n_patients=200)
    for row in few.labels[1:]:
        row[1] = "No Finding"
    result, certificate = fit(few, tmp_path, 0.01)
    assert result.exit_code == 1
    assert "99 patients" in result.stderr
    content = json.loads(certificate.read_text())
    for point in (content["findings"]["Mass"], content["patient_level"]):
        assert (point["status"], point["n"], point["required"], point["missing"]) == ("refused", 200, 299, 99)


def test_an_altered_certificate_or_another_model_is_refused(tables, tmp_path: Path) -> None:
    predictions, labels = tables.write()
    model = tmp_path / "model.onnx"
    model.write_bytes(b"one model")
    certificate = tmp_path / "certificate.json"
    tables_given = ("--predictions", predictions, "--labels", labels)
    cxr("operating-points", "fit", *tables_given, "--alpha", 0.05, "-o", certificate, "--model", model)
    assert cxr("operating-points", "check", certificate, *tables_given, "--model", model).exit_code == 0
    model.write_bytes(b"another model")
    with pytest.raises(CxrError, match="belong to model"):
        cxr("operating-points", "check", certificate, *tables_given, "--model", model)
    certificate.write_text(certificate.read_text().replace('"seed": 0', '"seed": 1'))
    with pytest.raises(CxrError, match="altered after they were fitted"):
        cxr("operating-points", "show", certificate)


def test_check_needs_every_finding_of_the_certificate(tables, tmp_path: Path) -> None:
    _, certificate = fit(tables, tmp_path, 0.05)
    tables.predictions = [row[:3] for row in tables.predictions]
    predictions, labels = tables.write()
    with pytest.raises(CxrError, match="has no 'prob_Pneumothorax'"):
        cxr("operating-points", "check", certificate, "--predictions", predictions, "--labels", labels)
