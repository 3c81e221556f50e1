"""``cxr doctor``: is this machine fit to screen?"""

from pathlib import Path
from typing import Annotated

import typer

from cxr.cli.conventions import BundlePath

__all__ = ["doctor"]


def doctor(
    bundle: BundlePath = None,
    folder: Annotated[
        list[Path] | None,
        typer.Option("--folder", metavar="DIR", help="Where results or a queue will go; repeat. Default: this folder."),
    ] = None,
    port: Annotated[
        list[int] | None, typer.Option("--port", help="A port that must be free, as of `cxr listen`; repeat.")
    ] = None,
    archive: Annotated[
        str | None,
        typer.Option("--archive", metavar="AET@HOST:PORT", help="An archive that must answer ('pacs' extra)."),
    ] = None,
    aet: Annotated[str, typer.Option("--aet", help="AE title of this node.")] = "CXR",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Check this machine: versions, memory, disk, clock, bundle, ports, archive, and a film with a known answer.

    Exit status: 0 all is well, warnings included; 1 something failed.
    """
    import json
    import logging
    from dataclasses import asdict

    from rich.console import Console

    from cxr.doctor import CheckupSettings, Outcome, checkup

    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
    settings = CheckupSettings(bundle, tuple(folder or ()), tuple(port or ()), archive, aet)
    marks = {Outcome.OK: "[green]ok     [/green]", Outcome.WARNING: "[yellow]warning[/yellow]"}
    marks[Outcome.FAILED] = "[red]failed [/red]"
    console = Console(highlight=False, soft_wrap=True)
    checks = []
    for check in checkup(settings):
        checks.append(check)
        if not as_json:
            console.print(f"{marks[check.outcome]}  [bold]{check.name}[/bold]: ", end="")
            console.print(check.detail, markup=False)
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], indent=1))
    if any(check.outcome is Outcome.FAILED for check in checks):
        raise typer.Exit(1)
