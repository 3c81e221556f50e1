"""The ``cxr`` command: one subcommand per file, heavy imports inside each command.

Exit status: 0 done; 1 done, but some inputs were refused; 2 wrong use or nothing could be done.
"""

import warnings
from importlib import import_module
from typing import Annotated

import typer

from nlp_labeler.command_line import print_version, run

# command name -> (module, function). The modules are light: they import torch, pandas and the like
# only inside the function, so that `cxr --help` stays under half a second.
COMMANDS: dict[str, tuple[str, str]] = {
    "phantom": ("cxr.cli.phantom", "phantom"),
    "train": ("cxr.cli.train", "train"),
    "distill": ("cxr.cli.distill", "distill"),
    "train-report": ("cxr.cli.train", "train_report"),
    "evaluate": ("cxr.cli.evaluate", "evaluate"),
    "export": ("cxr.cli.export", "export"),
    "screen": ("cxr.cli.screen", "screen"),
    "watch": ("cxr.cli.watch", "watch"),
    "listen": ("cxr.cli.listen", "listen"),
    "report": ("cxr.cli.report", "report"),
    "compare": ("cxr.cli.compare", "compare"),
    "schema": ("cxr.cli.screen", "schema"),
    "segment": ("cxr.cli.segment", "segment"),
    "index": ("cxr.cli.index", "index"),
    "site": ("cxr.cli.site", "site"),
    "kit": ("cxr.cli.kit", "kit"),
    "doctor": ("cxr.cli.doctor", "doctor"),
    "demo": ("cxr.cli.demo", "demo"),
}
# group name -> module that holds a Typer called `app`
GROUPS: dict[str, str] = {
    "dataset": "cxr.cli.dataset",
    "benchmark": "cxr.cli.benchmark",
    "operating-points": "cxr.cli.operating_points",
    "bundle": "cxr.cli.bundle",
    "recipes": "cxr.cli.recipes",
    "results": "cxr.cli.results",
}


def program(
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=print_version("cxr"), help="Print the version.")
    ] = False,
) -> None:
    """Weakly supervised chest X-ray screening. Research software, not a medical device."""


def build_app() -> typer.Typer:
    """The Typer application with every subcommand registered, in the order of the pipeline."""
    app = typer.Typer(
        name="cxr",
        help="Weakly supervised chest X-ray screening. Research software, not a medical device.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        # Plain help: the framed one imports a Markdown renderer and costs half of the start.
        rich_markup_mode=None,
        context_settings={"max_content_width": 120},
    )
    app.callback()(program)
    for name, (module, function) in COMMANDS.items():
        app.command(name)(getattr(import_module(module), function))
    for name, module in GROUPS.items():
        app.add_typer(import_module(module).app, name=name)
    return app


def main() -> None:
    """Entry point: expected errors and wrong use become one line on standard error and exit status 2."""
    # Their warnings quote values of the header, patients' names included.
    warnings.filterwarnings("ignore", module="pydicom|highdicom")
    run(build_app(), "cxr")
