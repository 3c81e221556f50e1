"""``cxr dataset``: build, describe and check datasets in the ChestX-ray8 layout."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cxr.datasets.linking import Link

__all__ = ["app"]

app = typer.Typer(help="Build, describe and check datasets.", no_args_is_help=True)


@app.command()
def build(
    images: Annotated[Path, typer.Option(help="Folder with DICOM, PNG, JPEG or TIFF images, searched recursively.")],
    reports: Annotated[Path, typer.Option(help="Reports: CSV, JSON Lines, Parquet, BioC or OpenI XML, or a folder.")],
    out: Annotated[Path, typer.Option(help="Dataset folder to write; run again to finish an interrupted build.")],
    columns: Annotated[
        str | None,
        typer.Option(
            help="What the table calls its parts: id, text, findings, impression, image, patient, accession, study, "
            "date, follow_up, age, sex, view, name; e.g. patient=PatNr,accession=AccessionNo,text=Befund."
        ),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Of a table that is not UTF-8 or UTF-16, e.g. cp1252.")] = None,
    date_format: Annotated[
        str | None, typer.Option(help="Notation of the dates, e.g. %d.%m.%Y; else told by the dates themselves.")
    ] = None,
    link: Annotated[
        str | None,
        typer.Option(
            help="How reports find their images: file (names), accession (number in DICOM headers) or study (study or "
            "instance UID in DICOM headers or folders); else the way that links most, which is said."
        ),
    ] = None,
    patient_is_study: Annotated[
        bool,
        typer.Option("--patient-is-study", help="Where nothing names a patient, each report is another."),
    ] = False,
    gate: Annotated[
        bool, typer.Option("--gate/--no-gate", help="Leave out pictures that are no whole, upright frontal chest.")
    ] = True,
    policy: Annotated[str, typer.Option(help="Labeling policy: a shipped name or a file.")] = "openi",
    engine: Annotated[str, typer.Option(help="Labeling engine: auto, graph or surface.")] = "auto",
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Your own label space instead of the 14 findings.")
    ] = None,
    val: Annotated[float, typer.Option(help="Share of the patients for validation.", min=0, max=1)] = 0.15,
    test: Annotated[float, typer.Option(help="Share of the patients for testing.", min=0, max=1)] = 0.2,
    seed: Annotated[int, typer.Option(help="Of the split by patient.")] = 0,
    salt: Annotated[
        Path | None,
        typer.Option(
            help="De-identify: a file with a secret of 16 bytes or more. Patients, reports, images get salted hashes, "
            "dates in the texts move by days of the patient's own, names, places of care, addresses, telephone, record "
            "and national numbers become XXXX, ages over 90 are 90, DICOM headers are dropped, films with a block of "
            "text left out. Not found: names that nothing marks (no title, label, signature, --columns name=), what "
            "gives a person away in other words, small writing in the pixels, a face."
        ),
    ] = None,
    workers: Annotated[int, typer.Option(help="Images read at a time; 0 takes one per core.", min=0)] = 0,
) -> None:
    """Label reports and write them with their images as a ChestX-ray8-style folder.

    A table of reports needs an `id` (an accession number serves) and either `text` or `findings`, `impression`; it may
    have `image`, `patient_id`, `accession`, `study_uid`, `study_date`, `follow_up`, `age`, `sex`, `view`; --columns
    gives other names. Without an image column, an image belongs to the report whose accession number or UID its DICOM
    header has, or whose id its name starts with. Rows of one id are one report with its addenda. The patient is told by
    the table, the DICOM headers or the folders; that none can be told is an error. Exit status 1: done, but refused.csv
    lists inputs that were left out.
    """
    import os

    from cxr.cli.conventions import counting_bar, require

    require("building datasets", "label", "pandas", "pyarrow")
    from cxr.datasets.builder import build_dataset
    from cxr.datasets.pseudonyms import Pseudonyms
    from cxr.datasets.report_rows import TableOptions
    from cxr.errors import ConfigError
    from cxr.screening import Bundle, BundleGate
    from nlp_labeler.cli import parse_columns
    from nlp_labeler.findings import FindingTable

    if val + test >= 1:
        raise ConfigError(
            f"--val {val:g} and --test {test:g} leave no patients to train on; together they must be below 1"
        )
    with counting_bar("reports") as advance:

        def progress(count: int) -> None:
            for _ in range(count):
                advance()

        summary = build_dataset(
            images,
            reports,
            out,
            table=TableOptions(parse_columns(columns or ""), encoding, date_format),
            link=_link(link),
            patient_is_study=patient_is_study,
            require_frontal=gate,
            gate=BundleGate(Bundle.load()) if gate else None,
            policy=policy,
            engine=engine,
            labels=FindingTable.load(labels) if labels else None,
            fractions={"train": 1 - val - test, "val": val, "test": test},
            seed=seed,
            workers=workers or os.cpu_count() or 1,
            pseudonyms=Pseudonyms.from_file(salt) if salt else None,
            progress=progress,
        )
    splits = ", ".join(f"{count} {name}" for name, count in summary.splits.items())
    typer.echo(f"{out}: {summary.images} images of {summary.patients} patients ({splits})")
    for note in summary.notes:
        typer.echo(note)
    if summary.refused:
        reasons = ", ".join(f"{number} {code}" for code, number in sorted(summary.refused.items()))
        typer.echo(
            f"{sum(summary.refused.values())} inputs were left out ({reasons}); see {out / 'refused.csv'}", err=True
        )
        raise typer.Exit(1)


@app.command()
def layouts() -> None:
    """List the layouts of datasets that every command reads, each with what its folder holds."""
    from cxr.cli.conventions import require

    require("reading datasets", "label", "pandas", "pyarrow")
    from cxr.datasets.dataset import LAYOUTS

    for name, layout in LAYOUTS.items():
        typer.echo(f"{name}\n    {layout.tree}")


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
    gate: Annotated[bool, typer.Option("--gate/--no-gate", help="Look for images that are no frontal chest.")] = True,
    missing: Annotated[
        Path | None, typer.Option(help="List the images that are not there in this file, and check the others.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Images read at a time; 0 takes one per core.", min=0)] = 0,
) -> None:
    """Find leaks between splits, unusable images, images that are no frontal chest and labels that contradict.

    A leak is one patient, report, record number or picture on two sides, under whatever spelling or name.

    Prints one line per fault: kind, subject, detail. Exit status 1 if there is any.
    """
    import os

    from cxr.cli.conventions import counting_bar, require, without_missing

    require("checking datasets", "label", "pandas", "pyarrow")
    from cxr.datasets.check import check_dataset
    from cxr.datasets.dataset import open_dataset
    from cxr.screening import Bundle, BundleGate

    opened = open_dataset(dataset)
    if missing:
        opened = without_missing(opened, missing)
    with counting_bar("images") as advance:
        faults = check_dataset(
            opened,
            images=images,
            gate=BundleGate(Bundle.load()) if gate and images else None,
            workers=workers or os.cpu_count() or 1,
            progress=advance,
        )
    for fault in faults:
        typer.echo(f"{fault.kind}\t{fault.subject}\t{fault.detail}")
    typer.echo(f"{len(opened)} images checked, {len(faults)} faults")
    if faults:
        raise typer.Exit(1)


def _link(name: str | None) -> "Link | None":
    from cxr.datasets.linking import Link
    from cxr.errors import DatasetError

    if name is None:
        return None
    try:
        return Link(name)
    except ValueError:
        raise DatasetError(f"--link is {name!r}; allowed are {', '.join(Link)}") from None
