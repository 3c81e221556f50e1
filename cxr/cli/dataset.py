"""``cxr dataset``: build, describe and check datasets in the ChestX-ray8 layout."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(help="Build, describe and check datasets.", no_args_is_help=True)


@app.command()
def build(
    images: Annotated[Path, typer.Option(help="Folder with DICOM, PNG, JPEG or TIFF images, searched recursively.")],
    reports: Annotated[Path, typer.Option(help="Reports: CSV, JSON Lines, Parquet, BioC or OpenI XML, or a folder.")],
    out: Annotated[Path, typer.Option(help="Dataset folder to write; run again to finish an interrupted build.")],
    policy: Annotated[str, typer.Option(help="Labeling policy: a shipped name or a file.")] = "openi",
    engine: Annotated[str, typer.Option(help="Labeling engine: auto, graph or surface.")] = "auto",
    val: Annotated[float, typer.Option(help="Share of the patients for validation.", min=0, max=1)] = 0.15,
    test: Annotated[float, typer.Option(help="Share of the patients for testing.", min=0, max=1)] = 0.2,
    seed: Annotated[int, typer.Option(help="Of the split by patient.")] = 0,
    salt: Annotated[
        Path | None, typer.Option(help="File with a secret: replace patient ids and image names by salted hashes.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Images read at a time; 0 takes one per core.", min=0)] = 0,
) -> None:
    """Label reports and write them with their images as a ChestX-ray8-style folder.

    A table of reports needs the columns `id` and either `text` or `findings`, `impression`; it may have `image`,
    `patient_id`, `study_date`, `follow_up`, `age`, `sex`, `view`. Without an image column, an image belongs to the
    report whose id its name starts with. Exit status 1: done, but refused.csv lists inputs that were left out.
    """
    import os

    from cxr.cli.extras import require
    from cxr.cli.progress import counting_bar

    require("building datasets", "label", "pandas", "pyarrow")
    from cxr.datasets.builder import build_dataset
    from cxr.datasets.pseudonyms import Pseudonyms

    with counting_bar("reports") as advance:

        def progress(count: int) -> None:
            for _ in range(count):
                advance()

        summary = build_dataset(
            images,
            reports,
            out,
            policy=policy,
            engine=engine,
            fractions={"train": 1 - val - test, "val": val, "test": test},
            seed=seed,
            workers=workers or os.cpu_count() or 1,
            pseudonyms=Pseudonyms.from_file(salt) if salt else None,
            progress=progress,
        )
    splits = ", ".join(f"{count} {name}" for name, count in summary.splits.items())
    typer.echo(f"{out}: {summary.images} images of {summary.patients} patients ({splits})")
    if summary.refused:
        typer.echo(f"{len(summary.refused)} inputs were left out; see {out / 'refused.csv'}", err=True)
        raise typer.Exit(1)
