"""``cxr evaluate``: a run on a dataset's held-out patients."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr.cli.conventions import AllowMissing

if TYPE_CHECKING:
    from rich.table import Table

    from cxr.evaluation.bootstrap import Estimate
    from cxr.evaluation.classification import ClassificationReport
    from cxr.evaluation.localization import LocalizationReport

__all__ = ["classification_table", "evaluate", "localization_table"]


def evaluate(
    run: Annotated[Path, typer.Argument(help="The --out folder of a finished `cxr train`.")],
    data: Annotated[Path, typer.Option(help="Dataset folder.")],
    out: Annotated[Path, typer.Option(help="Folder for predictions.csv and evaluation.json.")],
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples of the patients.")] = 1000,
    allow_missing: AllowMissing = False,
) -> None:
    """Score a trained run on patients it has not seen, with 95 % intervals."""
    from cxr.cli.conventions import require, without_missing

    require("evaluating", "train", "torch", "timm", "pandas")
    from rich.console import Console

    from cxr.datasets.dataset import open_dataset
    from cxr.errors import ConfigError
    from cxr.training.classifier.evaluate import evaluate_run
    from cxr.training.classifier.train import default_workers

    if split not in {"train", "val", "test"}:
        raise ConfigError(f"--split '{split}': choose train, val or test")
    dataset = open_dataset(data)
    if allow_missing:
        dataset = without_missing(dataset, out / "missing.csv")
    report = evaluate_run(run, dataset, out, split=split, resamples=resamples, workers=default_workers())
    figures = report.classification
    console = Console()
    console.print(classification_table(figures))
    if report.localization is not None:
        console.print(localization_table(report.localization))
    typer.echo(
        f"mean AUC {figures.mean_auc.value:.3f} over {len(figures.mean_over)} findings: {out / 'evaluation.json'}"
    )


def classification_table(report: "ClassificationReport") -> "Table":
    """One line per finding: AUC and sensitivity with their 95 % intervals."""
    from rich.table import Table

    table = Table(title=f"{report.n_images} images of {report.n_patients} patients")
    table.add_column("finding")
    for heading in ("positive", "AUC (95 % interval)", f"sensitivity at FPR {report.max_fpr:.0%}"):
        table.add_column(heading, justify="right")
    for name, row in report.per_label.items():
        table.add_row(name, str(row.n_positive), _estimate(row.auc), _estimate(row.sensitivity))
    table.add_section()
    table.add_row(
        f"mean of {len(report.mean_over)}", "", _estimate(report.mean_auc), _estimate(report.mean_sensitivity)
    )
    return table


def localization_table(report: "LocalizationReport") -> "Table":
    """Mean hit rates over the labels that have boxes, by overlap threshold, with false boxes per image beside."""
    from rich.table import Table

    table = Table(
        title=f"localization, {sum(report.n_boxes.values())} true boxes, mean over {len(report.n_boxes)} findings"
    )
    for heading in ("overlap above", "boxes hit", "false boxes per image"):
        table.add_column(heading, justify="right")
    for threshold, rates in report.iou.items():
        table.add_row(f"IoU {threshold:g}", _estimate(rates["mean"]), _estimate(report.afp[threshold]["mean"]))
    for threshold, rates in report.iobb.items():
        table.add_row(f"IoBB {threshold:g}", _estimate(rates["mean"]), "")
    return table


def _estimate(estimate: "Estimate") -> str:
    if math.isnan(estimate.value):
        return "undefined"
    return f"{estimate.value:.3f} ({estimate.low:.3f}-{estimate.high:.3f})"
