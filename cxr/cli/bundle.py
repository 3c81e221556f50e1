"""``cxr bundle``: look into a model bundle, check that nothing of it was changed, attach other certificates."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(help="Show or verify a model bundle, or attach certificates to it.", no_args_is_help=True)

_BUNDLE = Annotated[
    Path | None, typer.Argument(metavar="[BUNDLE]", help="Bundle folder or zip. Default: the one shipped with cxr.")
]


@app.command()
def show(bundle: _BUNDLE = None) -> None:
    """Print what a bundle says about itself, with every operating point and its guarantee."""
    from rich.console import Console
    from rich.table import Table

    from cxr.screening import Bundle

    loaded = Bundle.load(bundle)
    manifest = loaded.manifest
    console = Console()
    console.print(f"[bold]{manifest.name}[/bold] {manifest.version}  ({loaded.path})", highlight=False)
    for title, value in (
        ("created", f"{manifest.created:%Y-%m-%d %H:%M %Z} by cxr {manifest.cxr_version}"),
        ("input", f"{manifest.preprocessing.size} x {manifest.preprocessing.size} ({manifest.preprocessing.method})"),
        ("model", manifest.model_sha256),
        ("training data", manifest.training_data),
        ("labels", manifest.ontology),
    ):
        console.print(f"{title}: {value}", highlight=False, markup=False, soft_wrap=True)
    table = Table("finding", "threshold", "guarantee")
    for name in manifest.label_space:
        point = loaded.operating_points.point(name)
        refusal = getattr(loaded.operating_points.findings[name], "reason", "")
        table.add_row(name, f"{point.threshold:.4f}" if point else "none", point.guarantee if point else refusal)
    console.print(table)


@app.command()
def verify(bundle: _BUNDLE = None) -> None:
    """Check every file of a bundle against its hash and run the graph once."""
    from cxr.screening import Bundle

    loaded = Bundle.load(bundle)
    provider = loaded.network(threads=1).provider
    count = len(loaded.manifest.files)
    typer.echo(f"ok: {loaded.manifest.name} {loaded.manifest.version}, {count} files verified, runs on {provider}")


@app.command("attach-certificate")
def attach_certificate(
    certificate: Annotated[
        list[Path],
        typer.Argument(help="Files of `cxr operating-points` (with --model) or `cxr site`."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the new bundle; must not exist.")],
    bundle: Annotated[
        Path | None, typer.Option(help="Bundle of the same model. Default: the one shipped with cxr.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="Of the new bundle. Default: the old one and +local.")] = None,
) -> None:
    """Copy a bundle with other certificates: the same model and scores, other thresholds and promises."""
    from pydantic import ValidationError

    from cxr.errors import ConfigError
    from cxr.screening import Bundle
    from cxr.screening.attachment import attach_certificates
    from nlp_labeler.faults import faults

    try:
        made = attach_certificates(Bundle.load(bundle), certificate, output, version)
    except ValidationError as error:
        raise ConfigError(f"the bundle cannot be described so: {faults(error)}") from error
    typer.echo(f"wrote {made.path}: {made.manifest.name} {made.manifest.version}")
