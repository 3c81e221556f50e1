"""``cxr report``: the grounded report of one image."""

from pathlib import Path
from typing import Annotated

import typer

from cxr.cli.conventions import BundlePath

__all__ = ["report"]


def report(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="One DICOM, PNG, JPEG or TIFF file.")],
    bundle: BundlePath = None,
    prior: Annotated[
        Path | None,
        typer.Option("--prior", metavar="IMAGE", help="An earlier image of the same patient to compare with."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the whole result as one JSON line.")] = False,
) -> None:
    """Print the report of one radiograph.

    Every sentence on a finding rests on a score above its operating point. With a bundle that has a report
    generator, --json also holds the generated text as it was before it was held to the scores.

    Exit status: 0 reported; 1 the image, or the prior, was refused (the reason goes to standard error); 2 wrong use.
    """
    from cxr.errors import ConfigError
    from cxr.screening import Screener, result_line

    for path in filter(None, (image, prior)):
        if not path.is_file():
            raise ConfigError(f"{path} is not a file; give one image")
    screener = Screener(bundle)
    earlier = screener.screen(prior) if prior else None
    if earlier is not None and earlier.refusal:
        typer.echo(f"prior refused ({earlier.refusal.code}): {earlier.refusal.message}", err=True)
        raise typer.Exit(1)
    result = screener.screen(image, earlier=earlier)
    if json:
        typer.echo(result_line(result))
    elif result.report:
        typer.echo(result.report.text)
    if result.refusal:
        typer.echo(f"refused ({result.refusal.code}): {result.refusal.message}", err=True)
        raise typer.Exit(1)
