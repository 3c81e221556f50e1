"""``cxr report``: the grounded report of one image."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["report"]


def report(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="One DICOM, PNG, JPEG or TIFF file.")],
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="BUNDLE", help="Model bundle folder. Default: the one shipped with cxr."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the whole result as one JSON line.")] = False,
) -> None:
    """Print the report of one radiograph.

    Exit status: 0 reported; 1 the image was refused (the reason goes to standard error); 2 wrong use.
    """
    from cxr.errors import ConfigError
    from cxr.screening import Screener, result_line

    if not image.is_file():
        raise ConfigError(f"{image} is not a file; give one image")
    result = Screener(bundle).screen(image)
    if json:
        typer.echo(result_line(result))
    elif result.report:
        typer.echo(result.report.text)
    if result.refusal:
        typer.echo(f"refused ({result.refusal.code}): {result.refusal.message}", err=True)
        raise typer.Exit(1)
