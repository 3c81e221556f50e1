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

    An earlier film of another patient or another view is not compared with, and the reason is given.

    Exit status: 0 reported; 1 the image, or the prior, was refused, or they do not compare (the reason goes to standard
    error); 2 wrong use.
    """
    from cxr.comparison.comparison import NOT_COMPARABLE_MEANINGS, why_not_comparable
    from cxr.errors import ConfigError
    from cxr.screening import Screener, result_line

    for path in filter(None, (image, prior)):
        if not path.is_file():
            raise ConfigError(f"{path} is not a file; give one image")
    screener = Screener(bundle)
    against = ""
    film = screener.examine(str(image), image)
    if prior is not None:
        earlier = screener.examine(str(prior), prior)
        if earlier.result.refusal:
            typer.echo(f"prior refused ({earlier.result.refusal.code}): {earlier.result.refusal.message}", err=True)
            raise typer.Exit(1)
        if film.artifacts is not None:
            reasons = why_not_comparable(screener.bundle, earlier, film)
            against = "; ".join(NOT_COMPARABLE_MEANINGS[reason] for reason in reasons)
            if not reasons:
                film = screener.examine(str(image), image, earlier=earlier.result)
    result = film.result
    if json:
        typer.echo(result_line(result))
    elif result.report:
        typer.echo(result.report.text)
    if result.refusal:
        typer.echo(f"refused ({result.refusal.code}): {result.refusal.message}", err=True)
    if against:
        typer.echo(f"not compared with {prior}: {against}", err=True)
    if result.refusal or against:
        raise typer.Exit(1)
