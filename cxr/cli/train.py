"""``cxr train``: a recipe and a dataset -> a run folder."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name (baseline, demo, ...) or a .toml file.")],
    data: Annotated[Path, typer.Option(help="Dataset folder: made by `cxr dataset build`, or NIH ChestX-ray14.")],
    out: Annotated[Path, typer.Option(help="Run folder. A rerun with the same folder resumes where it stopped.")],
    init_weights: Annotated[
        Path | None, typer.Option(help="Local .safetensors with the backbone's initial weights.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=0, help="Loader processes; default: half the cores.")] = None,
    processes: Annotated[
        int, typer.Option(min=1, help="Processes that share each batch, on a GPU each where there is one.")
    ] = 1,
) -> None:
    """Train a classifier on a dataset's training patients."""
    from cxr.cli.extras import require

    require("training", "train", "torch", "lightning", "timm", "pandas")
    from cxr.datasets.dataset import open_dataset
    from cxr.training.classifier.recipe import load_recipe
    from cxr.training.classifier.train import default_workers
    from cxr.training.classifier.train import train as run_training

    card = run_training(
        load_recipe(recipe),
        open_dataset(data),
        out,
        init_weights=init_weights,
        workers=default_workers() if workers is None else workers,
        processes=processes,
    )
    typer.echo(f"trained {len(card.label_space)} findings on {card.data}: {out / 'model.safetensors'}")
