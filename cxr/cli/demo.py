"""``cxr demo``: the whole path on phantoms, ending with a page to open."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything the demo makes; a rerun goes on there.")],
    patients: Annotated[int, typer.Option(min=50, help="Size of the phantom cohort.")] = 1700,
    size: Annotated[int, typer.Option(min=64, help="Edge of the phantom radiographs in pixels.")] = 256,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the cohort.")] = 0,
) -> None:
    """Make a phantom hospital, learn from its reports, certify, export, screen, and show the page.

    The model learns from labels mined from the reports; the phantoms' truth is opened only to score it. The last line
    is `demo mean_auc=... sensitivity_at_fpr1=... page=PATH`.
    """
    import os

    from cxr.cli.conventions import require

    require("the demo", "train", "torch", "lightning", "timm", "pandas", "onnx")
    from rich.console import Console

    from cxr.cli.evaluate import classification_table, localization_table
    from cxr.demo import run_demo

    console = Console()
    result = run_demo(
        out,
        patients=patients,
        size=size,
        seed=seed,
        workers=os.cpu_count() or 1,
        say=lambda line: console.print(f"[bold]{line}[/bold]"),
    )
    figures = result.score.classification
    console.print(classification_table(figures))
    console.print(localization_table(result.score.localization))
    console.print(
        f"labels mined from the reports: micro F1 {result.score.label_f1:.3f} against the truth; "
        f"{result.certified} of {len(figures.per_label)} findings have a certified threshold"
    )
    typer.echo(
        f"demo mean_auc={figures.mean_auc.value:.3f} sensitivity_at_fpr1={figures.mean_sensitivity.value:.2f} "
        f"page={result.page}"
    )
