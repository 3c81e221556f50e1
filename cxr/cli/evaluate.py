"""``cxr evaluate``: a run on a dataset's held-out patients."""

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    run: Annotated[Path, typer.Argument(help="The --out folder of a finished `cxr train`.")],
    data: Annotated[Path, typer.Option(help="Dataset folder.")],
    out: Annotated[Path, typer.Option(help="Folder for predictions.csv and evaluation.json.")],
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples of the patients.")] = 1000,
) -> None:
    """Score a trained run on patients it has not seen, with 95 % intervals."""
    from cxr.cli.extras import require

    require("evaluating", "train", "torch", "timm", "pandas")
    from rich.console import Console

    from cxr.cli.tables import classification_table, localization_table
    from cxr.datasets.dataset import open_dataset
    from cxr.errors import ConfigError
    from cxr.training.classifier.evaluate import evaluate_run
    from cxr.training.classifier.train import default_workers

    if split not in {"train", "val", "test"}:
        raise ConfigError(f"--split '{split}': choose train, val or test")
    report = evaluate_run(run, open_dataset(data), out, split=split, resamples=resamples, workers=default_workers())
    figures = report.classification
    console = Console()
    console.print(classification_table(figures))
    if report.localization is not None:
        console.print(localization_table(report.localization))
    typer.echo(
        f"mean AUC {figures.mean_auc.value:.3f} over {len(figures.mean_over)} findings: {out / 'evaluation.json'}"
    )
