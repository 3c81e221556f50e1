"""Write a benchmark: benchmark.json for machines, benchmark.md and .html for people, and the predictions behind them.

Undefined figures are null in the JSON.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2

from cxr import __version__
from cxr.benchmark.figures import Benchmark
from cxr.benchmark.held_out_points import HeldOutPoint, HeldOutPoints
from cxr.benchmark.sections import estimate_text, sections
from cxr.evaluation.bootstrap import Estimate
from cxr.evaluation.classification import ClassificationReport
from cxr.evaluation.decisions import DecisionReport
from cxr.operating_points import ANY_FINDING
from cxr.tables import write_predictions
from nlp_labeler.storage import write_text

__all__ = ["FORMAT_VERSION", "PREDICTIONS_FILE", "write_benchmark"]

PREDICTIONS_FILE = "predictions.csv"
FORMAT_VERSION = 1

_Json = dict[str, Any]


def write_benchmark(benchmark: Benchmark, out: Path) -> None:
    """Write all files of a benchmark into a folder, each atomically, the JSON last.

    Args:
        benchmark: the figures.
        out: folder, made if it is not there.
    """
    from cxr.benchmark.plots import all_plots  # matplotlib, of the training extra

    out.mkdir(parents=True, exist_ok=True)
    common = {"b": benchmark, "version": __version__, "sections": sections(benchmark)}
    mean_auc = estimate_text(benchmark.classification.mean_auc, 4)
    page = _render("benchmark.html.j2", **common, mean_auc=mean_auc, plots=all_plots(benchmark))
    data = benchmark.predictions
    values = {"prob_": data.probabilities, "label_": data.labels}
    write_predictions(out / PREDICTIONS_FILE, data.images, data.patients, {}, data.label_names, values)
    write_text(out / "benchmark.md", _render("benchmark.md.j2", **common))
    write_text(out / "benchmark.html", page)
    write_text(out / "benchmark.json", _to_json(benchmark))


def _render(template: str, **values: object) -> str:
    environment = jinja2.Environment(
        autoescape=template.endswith(".html.j2"), trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(files("cxr.benchmark").joinpath(template).read_text(encoding="utf-8")).render(values)


def _to_json(benchmark: Benchmark) -> str:
    """The content of benchmark.json."""
    subgroups: _Json = {}
    for group in benchmark.subgroups:
        subgroups.setdefault(group.attribute, {})[group.value] = {
            "n_images": group.classification.n_images,
            "n_patients": group.classification.n_patients,
            **_classification(group.classification),
        }
    content: _Json = {
        "format_version": FORMAT_VERSION,
        "cxr_version": __version__,
        "n_images": benchmark.classification.n_images,
        "n_patients": benchmark.classification.n_patients,
        "refused": dict(benchmark.refused),
        "classification": _classification(benchmark.classification),
        "calibration": {
            name: {"brier": _estimate(report.brier), "ece": _estimate(report.ece)}
            for name, report in benchmark.calibration.items()
        },
        "operating_points": _points(benchmark.operating_points),
        "subgroups": subgroups,
        "data": asdict(benchmark.data),
        "model": asdict(benchmark.model),
        "settings": asdict(benchmark.settings),
    }
    if benchmark.localization is not None:
        report = benchmark.localization
        content["localization"] = {
            "iou": _thresholds(report.iou),
            "iobb": _thresholds(report.iobb),
            "afp": _thresholds(report.afp),
            "n_boxes": dict(report.n_boxes),
        }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _estimate(estimate: Estimate) -> _Json:
    return {"value": _number(estimate.value), "low": _number(estimate.low), "high": _number(estimate.high)}


def _classification(report: ClassificationReport) -> _Json:
    return {
        "mean_auc": _number(report.mean_auc.value),
        "mean_auc_low": _number(report.mean_auc.low),
        "mean_auc_high": _number(report.mean_auc.high),
        "mean_sensitivity": _estimate(report.mean_sensitivity),
        "mean_over": list(report.mean_over),
        "max_fpr": report.max_fpr,
        "per_label": {
            name: {
                "auc": _number(label.auc.value),
                "low": _number(label.auc.low),
                "high": _number(label.auc.high),
                "n": label.n,
                "n_positive": label.n_positive,
                "average_precision": _estimate(label.average_precision),
                "sensitivity": _estimate(label.sensitivity),
            }
            for name, label in report.per_label.items()
        },
    }


def _decision(report: DecisionReport) -> _Json:
    figures = ("flagged", "sensitivity", "specificity", "ppv", "npv")
    return {
        "n_positive": report.n_positive,
        "n_negative": report.n_negative,
        **{name: _estimate(getattr(report, name)) for name in figures},
        "ppv_at": {f"{prevalence:g}": _estimate(value) for prevalence, value in report.ppv_at.items()},
    }


def _point(held_out: HeldOutPoint) -> _Json:
    return {
        **held_out.point.model_dump(mode="json"),
        "held_out_errors": held_out.errors.model_dump(mode="json") if held_out.errors else None,
        "held_out": _decision(held_out.decision) if held_out.decision else None,
    }


def _points(points: HeldOutPoints) -> _Json:
    def findings(of: Mapping[str, HeldOutPoint]) -> _Json:
        return {name: _point(point) for name, point in of.items() if name != ANY_FINDING}

    return {
        "source": points.source,
        "n_images": points.n_images,
        "n_patients": points.n_patients,
        "findings": findings(points.rule_in),
        "patient_level": _point(points.rule_in[ANY_FINDING]),
        "rule_out": findings(points.rule_out),
        "patient_rule_out": _point(points.rule_out[ANY_FINDING]),
        "triage": points.triage,
    }


def _thresholds(rates: Mapping[float, Mapping[str, Estimate]]) -> _Json:
    return {
        f"{threshold:g}": {name: _number(estimate.value) for name, estimate in by_label.items()}
        for threshold, by_label in rates.items()
    }
