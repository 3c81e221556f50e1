"""How a command ends: expected errors, wrong use and unreachable files as one line, never a traceback."""

import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from nlp_labeler.errors import CxrError

__all__ = ["print_version", "run"]

_WRONG_USE = 2


def print_version(program: str) -> Callable[[bool], None]:
    """The callback of an option ``--version``."""

    def show(wanted: bool) -> None:
        if wanted:
            typer.echo(f"{program} {version('cxr')}")
            raise typer.Exit

    return show


def run(app: typer.Typer, name: str) -> NoReturn:
    """Run a command line and leave the process with its exit status.

    Args:
        app: the commands; one that only partly succeeded raises ``typer.Exit(1)``.
        name: of the program, before the one line on standard error that goes with exit status 2.
    """
    try:
        sys.exit(app(standalone_mode=False))
    except CxrError as error:
        message = str(error)
    except TyperException as error:
        message = error.format_message()  # empty where the framed help was shown instead
        if message.startswith("Usage:"):  # the plain help, because there was no command
            typer.echo(message, err=True)
            message = ""
    except OSError as error:  # a folder that cannot be written, a disk that is full
        message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    if message:
        typer.echo(f"{name}: {' '.join(message.split())}", err=True)
    sys.exit(_WRONG_USE)
