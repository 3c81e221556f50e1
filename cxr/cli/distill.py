"""``cxr distill``: a recipe and a dataset -> several teachers -> one network in a run folder."""

from pathlib import Path
from typing import Annotated

import typer

from cxr.cli.conventions import AllowMissing, Changes


def distill(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name (distilled) or a .toml file.")],
    data: Annotated[Path, typer.Option(help="Dataset folder, as for `cxr train`.")],
    out: Annotated[Path, typer.Option(help="Run folder. A rerun with the same folder resumes where it stopped.")],
    init_weights: Annotated[
        Path | None, typer.Option(help="Folder of the initial weights that the recipe names.")
    ] = None,
    visits: Annotated[
        Path | None, typer.Option(help="Dataset folder with more visits of the same patients; its table is enough.")
    ] = None,
    scores: Annotated[
        Path | None, typer.Option(help="CSV of another network's probabilities: Image Index, prob_LABEL columns.")
    ] = None,
    unlabeled: Annotated[
        Path | None, typer.Option(help="CSV of further films: file, and a column per finding known of some (1, 0).")
    ] = None,
    changes: Changes = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Images decoded at a time; default: half the cores.")
    ] = None,
    allow_missing: AllowMissing = False,
) -> None:
    """Train teachers, each to score patients that it has not seen, and distill them into one network."""
    from cxr.cli.conventions import require, without_missing

    require("training", "train", "torch", "timm", "pandas")
    import torch

    from cxr.datasets.dataset import open_dataset
    from cxr.errors import ConfigError
    from cxr.training.classifier.train import default_workers
    from cxr.training.distillation.distill import Sources
    from cxr.training.distillation.distill import distill as run_distillation
    from cxr.training.distillation.recipe import load_distillation_recipe

    if device not in {"auto", "cpu", "cuda"}:
        raise ConfigError(f"--device '{device}': choose auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device cuda: there is none here; choose auto or cpu")
    settings, dataset = load_distillation_recipe(recipe, changes or ()), open_dataset(data)
    if allow_missing:
        dataset = without_missing(dataset, out / "missing.csv")
    card = run_distillation(
        settings,
        dataset,
        out,
        Sources(
            weights=init_weights,
            visits=None if visits is None else open_dataset(visits),
            scores=scores,
            unlabeled=unlabeled,
        ),
        device=("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device,
        workers=default_workers() if workers is None else workers,
    )
    typer.echo(f"distilled {len(card.label_space)} findings from {card.data}: {out / 'model.safetensors'}")
