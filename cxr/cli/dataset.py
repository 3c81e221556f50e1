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
        Path | None,
        typer.Option(
            help="De-identify: a file with a secret of 16 bytes or more. Patient, report and image names become salted "
            "hashes; dates, names and numbers in the texts become XXXX."
        ),
    ] = None,
    workers: Annotated[int, typer.Option(help="Images read at a time; 0 takes one per core.", min=0)] = 0,
) -> None:
    """Label reports and write them with their images as a ChestX-ray8-style folder.

    A table of reports needs the columns `id` and either `text` or `findings`, `impression`; it may have `image`,
    `patient_id`, `study_date`, `follow_up`, `age`, `sex`, `view`. Without an image column, an image belongs to the
    report whose id its name starts with. Exit status 1: done, but refused.csv lists inputs that were left out.
    """
    import os

    from cxr.cli.conventions import counting_bar, require

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


@app.command()
def describe(
    dataset: Annotated[Path, typer.Argument(help="Dataset folder in any known layout.")],
    html: Annotated[Path | None, typer.Option(help="Write a page with tables and the co-occurrence of labels.")] = None,
) -> None:
    """Count images, patients, labels and their overlap; the label table alone is enough."""
    from cxr.cli.conventions import require

    require("describing datasets", "label", "pandas", "pyarrow")
    from rich.console import Console
    from rich.table import Table

    from cxr.datasets.dataset import open_dataset
    from cxr.datasets.describe import describe as count
    from cxr.datasets.describe import to_html

    found = count(open_dataset(dataset))
    table = Table("label", *(str(name).replace("_", " ") for name in found.labels.columns))
    for label, row in found.labels.iterrows():
        table.add_row(str(label), *(f"{value:,}" for value in row))
    sizes = ", ".join(f"{row.images:,} {split}" for split, row in found.splits.iterrows()) or "no splits"
    typer.echo(f"{found.name}: {found.images:,} images of {found.patients:,} patients ({sizes}); {found.boxes:,} boxes")
    Console().print(table)
    typer.echo(f"{found.without_label:,} images have none of the labels")
    if html:
        html.write_text(to_html(found), encoding="utf-8")
        typer.echo(f"page: {html}")


@app.command()
def check(
    dataset: Annotated[Path, typer.Argument(help="Dataset folder in any known layout.")],
    images: Annotated[bool, typer.Option("--images/--tables-only", help="Open images, or read tables only.")] = True,
    workers: Annotated[int, typer.Option(help="Images read at a time; 0 takes one per core.", min=0)] = 0,
) -> None:
    """Find leaks between splits (same patient, same picture), unusable images and labels that contradict.

    Prints one line per fault: kind, subject, detail. Exit status 1 if there is any.
    """
    import os

    from cxr.cli.conventions import counting_bar, require

    require("checking datasets", "label", "pandas", "pyarrow")
    from cxr.datasets.check import check_dataset
    from cxr.datasets.dataset import open_dataset

    opened = open_dataset(dataset)
    with counting_bar("images") as advance:
        faults = check_dataset(opened, images=images, workers=workers or os.cpu_count() or 1, progress=advance)
    for fault in faults:
        typer.echo(f"{fault.kind}\t{fault.subject}\t{fault.detail}")
    typer.echo(f"{len(opened)} images checked, {len(faults)} faults")
    if faults:
        raise typer.Exit(1)
