"""``cxr index``: images -> an index of similar cases."""

from pathlib import Path
from typing import Annotated

import typer

from cxr.cli.conventions import BundlePath, Inputs, Workers, counting_bar, require, require_paths

__all__ = ["index"]


def index(
    paths: Inputs,
    out: Annotated[Path, typer.Option("--out", metavar="INDEX", help="Index folder; an earlier index is replaced.")],
    bundle: BundlePath = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels",
            metavar="CSV",
            help="Table with Image Index, Finding Labels and Patient ID, as the Data_Entry.csv of a dataset. "
            "Default: what the model finds above its thresholds.",
        ),
    ] = None,
    workers: Workers = None,
) -> None:
    """Index images, so that the triage page can show similar cases of other patients.

    Open it with `python -m app --index INDEX`. An index belongs to the bundle it was made with.

    Exit status: 0 all indexed; 1 some inputs were refused; 2 wrong use.
    """
    require("indexing images", "app", "faiss")
    from cxr.retrieval import build_index, read_labels
    from cxr.screening import Screener, default_workers

    require_paths(paths)
    count = workers or default_workers()
    table = read_labels(labels) if labels else None
    screener = Screener(bundle, threads=1 if count > 1 else None)
    with counting_bar("Indexing") as advance:
        summary = build_index(screener, paths, out, labels=table, workers=count, on_image=advance)
    typer.echo(f"indexed {summary.indexed}, refused {summary.refused}; index {out}")
    if summary.refused:
        raise typer.Exit(1)
