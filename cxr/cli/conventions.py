"""What all commands have in common: extras, PATH arguments, progress, and a group's default command."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from cxr.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from cxr.datasets.schema import Dataset

__all__ = [
    "AllowMissing",
    "BundlePath",
    "Changes",
    "DefaultCommandGroup",
    "Inputs",
    "MaybeInputs",
    "Outputs",
    "Workers",
    "counting_bar",
    "require",
    "require_paths",
    "without_missing",
]

AllowMissing = Annotated[
    bool,
    typer.Option("--allow-missing", help="Go on with the images that are there; OUT/missing.csv lists the others."),
]
"""Option of the commands that read a whole dataset, of which only a part may have been downloaded."""

Inputs = Annotated[
    list[Path],
    typer.Argument(metavar="PATH...", help="Images (DICOM, PNG, JPEG, TIFF...), folders (recursive) or zip archives."),
]
"""Argument of the commands that take whatever may hold radiographs; see :func:`require_paths`."""

MaybeInputs = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PATH...", help="Images (DICOM, PNG, JPEG, TIFF...), folders (recursive) or zip archives."),
]
"""The same where inputs may be named otherwise too."""

BundlePath = Annotated[
    Path | None,
    typer.Option("--bundle", metavar="BUNDLE", help="Model bundle, folder or zip. Default: the one shipped with cxr."),
]
"""Option of the commands that screen."""

Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Inputs worked on at once. Default: one per core.")
]
"""Option of the commands that work on many inputs."""

Outputs = Annotated[
    list[str] | None,
    typer.Option("--output", metavar="NAME", help="A further output beside the standard ones; may be repeated."),
]
"""Option of the commands that write a results folder."""

Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the recipe, e.g. optimization.epochs=20; repeat."),
]
"""Option of the commands that take a recipe."""


def require(feature: str, extra: str, *modules: str) -> None:
    """Check that the modules of an extra are installed.

    Raises:
        MissingExtraError: naming the feature and the install line, if one is missing.
    """
    if any(find_spec(module) is None for module in modules):
        raise MissingExtraError(feature, extra)


def require_paths(paths: Sequence[Path]) -> None:
    """Refuse a call none of whose paths exists; where some do, each of the others ends as a refused input.

    Raises:
        ConfigError: naming the first path.
    """
    if not any(path.exists() for path in paths):
        raise ConfigError(f"{paths[0]} does not exist; give files, folders or zip archives that do")


def without_missing(dataset: "Dataset", listed: Path) -> "Dataset":
    """The images that are there; how many are not is said, and a file lists them."""
    from nlp_labeler.storage import write_rows

    there, missing = dataset.present()
    if missing:
        listed.parent.mkdir(parents=True, exist_ok=True)
        write_rows(listed, ("image",), [(image,) for image in missing])
        typer.echo(f"{len(missing)} of {len(dataset)} images are not there; see {listed}", err=True)
    return there


@contextmanager
def counting_bar(title: str, count: Callable[[], int] | None = None) -> Iterator[Callable[[], None]]:
    """A bar with rate, elapsed and remaining time.

    Args:
        title: what is being done.
        count: says how many pieces there are. It is asked while the work is on, so that nobody waits for the answer;
            without it the remaining time stays unknown.

    Yields:
        A function to call after each piece.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=None, rate="")

        def advance() -> None:
            speed = progress.tasks[0].speed
            progress.update(task, advance=1, rate=f"{speed:.1f}/s" if speed else "")

        if count is not None and console.is_terminal:
            Thread(target=lambda: progress.update(task, total=count()), daemon=True).start()
        yield advance


class DefaultCommandGroup(TyperGroup):
    """``cxr benchmark DATASET`` means ``cxr benchmark run DATASET``: the first command is the default.

    A first argument that names no command, or an option other than --help, belongs to the default command.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the name of the default command where none is given."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)
