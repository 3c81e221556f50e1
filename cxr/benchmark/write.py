"""Write a benchmark: benchmark.json, benchmark.md, benchmark.html, and the predictions behind them."""

from importlib.resources import files
from pathlib import Path

import jinja2

from cxr import __version__
from cxr.benchmark.figures import Benchmark
from cxr.benchmark.json_report import to_json
from cxr.benchmark.predictions import write_predictions
from cxr.benchmark.sections import estimate_text, sections
from nlp_labeler.storage import write_text

__all__ = ["PREDICTIONS_FILE", "write_benchmark"]

PREDICTIONS_FILE = "predictions.csv"


def _render(template: str, **values: object) -> str:
    environment = jinja2.Environment(
        autoescape=template.endswith(".html.j2"), trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(files("cxr.benchmark").joinpath(template).read_text(encoding="utf-8")).render(values)


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
    write_predictions(benchmark.predictions, out / PREDICTIONS_FILE)
    write_text(out / "benchmark.md", _render("benchmark.md.j2", **common))
    write_text(out / "benchmark.html", page)
    write_text(out / "benchmark.json", to_json(benchmark))
