"""``cxr train`` and ``cxr train-report``: a recipe and a dataset -> a run folder with a classifier, or a generator."""

from pathlib import Path
from typing import Annotated

import typer

from cxr.cli.conventions import AllowMissing, Changes


def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name (baseline, demo, ...) or a .toml file.")],
    data: Annotated[Path, typer.Option(help="Dataset folder: made by `cxr dataset build`, or NIH ChestX-ray14.")],
    out: Annotated[Path, typer.Option(help="Run folder. A rerun with the same folder resumes where it stopped.")],
    init_weights: Annotated[
        Path | None, typer.Option(help="Local .safetensors with the backbone's initial weights.")
    ] = None,
    changes: Changes = None,
    logger: Annotated[
        list[str] | None,
        typer.Option(help="Where the figures go: csv, tensorboard (both by default), mlflow, wandb; repeat."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=0, help="Loader processes; default: half the cores.")] = None,
    processes: Annotated[
        int, typer.Option(min=1, help="Processes that share each batch, on a GPU each where there is one.")
    ] = 1,
    allow_missing: AllowMissing = False,
) -> None:
    """Train a classifier on a dataset's training patients."""
    from cxr.cli.conventions import require, without_missing

    require("training", "train", "torch", "lightning", "timm", "pandas")
    from cxr.datasets.dataset import open_dataset
    from cxr.datasets.leaks import require_no_leaks
    from cxr.training.classifier.recipe import load_recipe
    from cxr.training.classifier.train import default_workers
    from cxr.training.classifier.train import train as run_training
    from cxr.training.shared.loggers import DEFAULT_LOGGERS, check_loggers

    settings = load_recipe(recipe, changes or ())
    check_loggers(logger or ())
    dataset = open_dataset(data)
    if allow_missing:
        dataset = without_missing(dataset, out / "missing.csv")
    require_no_leaks(dataset)
    card = run_training(
        settings,
        dataset,
        out,
        init_weights=init_weights,
        workers=default_workers() if workers is None else workers,
        processes=processes,
        loggers=logger or DEFAULT_LOGGERS,
    )
    typer.echo(f"trained {len(card.label_space)} findings on {card.data}: {out / 'model.safetensors'}")


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
    allow_missing: AllowMissing = False,
    changes: Changes = None,
    _trunk: Annotated[str | None, typer.Option("--trunk", hidden=True, is_eager=True, callback=_renamed)] = None,
) -> None:
    """Train a report generator on the features of a trained classifier.

    `cxr export RUN --report-run OUT` then puts it into a bundle.
    """
    from cxr.cli.conventions import require, without_missing

    require("training", "train", "torch", "lightning", "timm", "pandas", "tokenizers")
    from cxr.datasets.dataset import open_dataset
    from cxr.datasets.leaks import require_no_leaks
    from cxr.training.classifier.train import default_workers
    from cxr.training.report.recipe import load_report_recipe
    from cxr.training.report.train import train_report as run_training

    settings = load_report_recipe(recipe, changes or ())
    dataset = open_dataset(data)
    if allow_missing:
        dataset = without_missing(dataset, out / "missing.csv")
    require_no_leaks(dataset)
    card = run_training(settings, dataset, classifier, out, workers=default_workers())
    typer.echo(f"trained a generator of {len(card.words)} words on {card.data}: {out / 'model.safetensors'}")
