"""``cxr compare``: what has changed between the visits of one patient."""

from pathlib import Path
from typing import Annotated

import typer

from cxr.cli.conventions import BundlePath

__all__ = ["compare"]


def compare(
    films: Annotated[
        list[Path], typer.Argument(metavar="FILM FILM...", help="Two films of one patient or more, the earliest first.")
    ],
    bundle: BundlePath = None,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a page: films, what differs, scores over time.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line per pair of films.")] = False,
) -> None:
    """Compare each film with the one before it: what is new, gone, larger, smaller or unchanged.

    A change counts that is larger than unchanged films differ by. Films of other patients, of another view, or whose
    chests cannot be laid over each other are not compared, and the reason is given.

    Exit status: 0 compared; 1 some films do not compare, or one was refused; 2 wrong use.
    """
    from itertools import pairwise

    from pydantic import TypeAdapter

    from cxr.comparison import FilmComparison, compare_films
    from cxr.comparison.timeline import timeline_page
    from cxr.errors import ConfigError
    from cxr.screening import Bundle, Screener
    from nlp_labeler.storage import write_text

    if len(films) < 2:
        raise ConfigError(f"{len(films)} film given; name two or more, the earliest first")
    for path in films:
        if not path.is_file():
            raise ConfigError(f"{path} is not a file; name films")
    loaded = Bundle.load(bundle)
    if loaded.film_heads is None:
        raise ConfigError(
            f"bundle {loaded.path} does not know what unchanged films differ by; see `cxr bundle fit-heads`"
        )
    screener = Screener(loaded)
    visits = [screener.examine(str(path), path) for path in films]
    for film in visits:
        if film.result.refusal:
            typer.echo(
                f"{film.result.path} refused ({film.result.refusal.code}): {film.result.refusal.message}", err=True
            )
            raise typer.Exit(1)
    steps = [compare_films(loaded, *pair) for pair in pairwise(visits)]
    for step, _ in steps:
        typer.echo(TypeAdapter(FilmComparison).dump_json(step).decode() if json else step.text)
    if page is not None:
        write_text(page, timeline_page(visits, steps))
        typer.echo(f"wrote {page}", err=True)
    if any(step.reasons for step, _ in steps):
        raise typer.Exit(1)
