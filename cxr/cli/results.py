"""``cxr results``: folders that ``cxr screen`` has written."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(help="Work on results folders of cxr screen.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Work on results folders of cxr screen."""


@app.command()
def merge(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Results folders of one bundle.")],
    out: Annotated[Path, typer.Option(help="Folder of the merged results; the folders stay as they are.")],
    page: Annotated[bool, typer.Option("--page/--no-page", help="Write worklist.html.")] = True,
) -> None:
    """Put the results of several machines (`cxr screen --shard`) into one folder.

    Exit status: 0 merged; 1 merged, and some inputs had been refused; 2 wrong use.
    """
    from cxr.cli.conventions import counting_bar
    from cxr.outputs.merging import merge_results

    with counting_bar("Merging") as advance:
        summary = merge_results(folders, out, page=page, on_result=advance)
    typer.echo(
        f"{summary.results} results in {out}, {summary.refused} of them refused"
        + (f"; {summary.repeated} were in several folders" if summary.repeated else "")
    )
    if summary.refused:
        raise typer.Exit(1)
