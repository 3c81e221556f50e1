"""The whole benchmark from two tables, and the comparison of two."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cxr.benchmark.compare import _holm, compare_benchmarks
from cxr.benchmark.figures import BenchmarkSettings, benchmark_predictions
from cxr.benchmark.tables import join
from cxr.benchmark.write import write_benchmark
from cxr.errors import DatasetError, OperatingPointError
from cxr.operating_points import fit_operating_points

SETTINGS = BenchmarkSettings(resamples=100, alpha=0.05)


@pytest.fixture(scope="module")
def written(build_tables, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("benchmark")
    write_benchmark(benchmark_predictions(*build_tables(folder).write(), SETTINGS), folder / "out")
    return folder / "out"


def test_json_holds_the_agreed_fields(tables, written: Path) -> None:
    content = json.loads((written / "benchmark.json").read_text())
    data = join(*tables.write())
    assert content["n_images"] == len(data.images)
    assert content["n_patients"] == 400
    per_label = content["classification"]["per_label"]
    assert list(per_label) == ["Effusion", "Mass", "Pneumothorax"]
    for c, label in enumerate(per_label.values()):
        assert label["auc"] == pytest.approx(roc_auc_score(data.labels[:, c], data.probabilities[:, c]))
        assert label["low"] < label["auc"] < label["high"]
        assert label["n_positive"] == data.labels[:, c].sum()
    assert content["classification"]["mean_auc"] == pytest.approx(np.mean([v["auc"] for v in per_label.values()]))
    assert content["subgroups"]["sex"]["F"]["n_patients"] == 200
    assert "localization" not in content
    for source in ("data", "model"):
        assert re.fullmatch("[0-9a-f]{64}", content[source]["sha256"])


def test_operating_points_are_reported_on_other_patients_than_they_were_fitted_on(written: Path) -> None:
    points = json.loads((written / "benchmark.json").read_text())["operating_points"]
    assert points["n_patients"] == 200
    assert points["findings"]["Mass"]["status"] == "certified"
    assert points["findings"]["Mass"]["n"] <= 200
    assert points["rule_out"]["Mass"]["missing"] > 0
    assert sum(shares["without"] for shares in points["triage"].values()) == pytest.approx(1)


def test_page_and_markdown_show_the_figures_and_need_nothing_else(written: Path) -> None:
    content = json.loads((written / "benchmark.json").read_text())
    mean = f"{content['classification']['mean_auc']:.4f}"
    page, markdown = ((written / f"benchmark.{kind}").read_text() for kind in ("html", "md"))
    for text in (page, markdown):
        assert mean in text
        assert content["data"]["sha256"] in text
    assert page.count("<svg") == 5
    for plot in ("ROC", "precision-recall", "reliability", "threshold", "subgroup"):
        assert re.search(f'aria-label="[^"]*{plot}', page)
    assert not re.search(r'(src|href)="http|@import|<script', page)


def test_a_name_in_a_table_cannot_become_markup(tables, tmp_path: Path) -> None:
    for row in tables.labels[1:]:
        row[6] = "<script>alert(1)</script>"
    write_benchmark(benchmark_predictions(*tables.write(), SETTINGS), tmp_path / "out")
    assert "<script" not in (tmp_path / "out" / "benchmark.html").read_text()


def test_a_certificate_is_evaluated_and_must_cover_the_findings(tables, build_tables, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = join(*build_tables(tmp_path / "other", seed=5).write())
    points = fit_operating_points(other.probabilities, other.labels, other.patients, other.label_names, alpha=0.05)
    points.save(tmp_path / "points.json")
    benchmark = benchmark_predictions(*tables.write(), SETTINGS, operating_points=tmp_path / "points.json")
    assert benchmark.operating_points.n_patients == 400
    assert benchmark.operating_points.rule_in["Mass"].point == points.findings["Mass"]
    tables.predictions = [row[:3] for row in tables.predictions]
    with pytest.raises(OperatingPointError, match="differ in Pneumothorax"):
        benchmark_predictions(*tables.write(), SETTINGS, operating_points=tmp_path / "points.json")


def test_comparison_finds_the_better_model_and_only_that(tables, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    write_benchmark(benchmark_predictions(*tables.write(), SETTINGS), tmp_path / "good")
    for row in tables.predictions[1:]:  # Mass becomes noise, the others stay
        row[2] = f"{rng.random():.6f}"
    write_benchmark(benchmark_predictions(*tables.write(), SETTINGS), tmp_path / "bad")
    comparison = compare_benchmarks(tmp_path / "bad", tmp_path / "good", resamples=200)
    by_name = {row.name: row for row in comparison.findings}
    assert by_name["Mass"].adjusted_p_value < 0.001
    assert by_name["Mass"].test.difference > 0.1
    assert by_name["Effusion"].test.p_value == 1
    assert comparison.mean_difference.value == pytest.approx(by_name["Mass"].test.difference / 3)
    assert comparison.n_patients == 400


def test_comparison_refuses_other_labels_and_folders_without_predictions(tables, written: Path, tmp_path: Path) -> None:
    tables.labels[1][1] = "Mass" if tables.labels[1][1] != "Mass" else "Effusion"
    write_benchmark(benchmark_predictions(*tables.write(), SETTINGS), tmp_path / "other")
    with pytest.raises(DatasetError, match="label the same images differently"):
        compare_benchmarks(written, tmp_path / "other")
    with pytest.raises(DatasetError, match=r"no predictions\.csv in"):
        compare_benchmarks(written, tmp_path / "nowhere")


def test_holm_correction() -> None:
    assert _holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert _holm([0.6, 0.9]) == pytest.approx([1.0, 1.0])
