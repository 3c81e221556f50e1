"""``cxr train-report``: a dataset with reports and a finished classifier -> a report generator."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["train_report"]


def _renamed(value: str | None) -> None:
    if value is not None:
        from cxr.errors import ConfigError

        raise ConfigError("--trunk is now called --classifier")


def train_report(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name (tienet) or a .toml file.")],
    data: Annotated[Path, typer.Option(help="Dataset folder with reports, made by `cxr dataset build`.")],
    classifier: Annotated[
        Path, typer.Option(help="The --out folder of a finished `cxr train`, whose features are read.")
    ],
    out: Annotated[Path, typer.Option(help="Run folder. A rerun with the same folder resumes where it stopped.")],
    _trunk: Annotated[str | None, typer.Option("--trunk", hidden=True, is_eager=True, callback=_renamed)] = None,
) -> None:
    """Train a report generator on the features of a trained classifier.

    `cxr export RUN --report-run OUT` then puts it into a bundle.
    """
    from cxr.cli.extras import require

    require("training", "train", "torch", "lightning", "timm", "pandas", "tokenizers")
    from cxr.datasets.dataset import open_dataset
    from cxr.training.classifier.train import default_workers
    from cxr.training.report.recipe import load_report_recipe
    from cxr.training.report.train import train_report as run_training

    card = run_training(load_report_recipe(recipe), open_dataset(data), classifier, out, workers=default_workers())
    typer.echo(f"trained a generator of {len(card.words)} words on {card.data}: {out / 'model.safetensors'}")
