"""``cxr watch``: screen whatever is copied into a folder."""

from pathlib import Path
from typing import Annotated

import typer

from cxr.cli.conventions import BundlePath, Outputs, Workers

__all__ = ["watch"]


def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to watch, with its subfolders.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where the results go. Default: DIR/cxr-results.")
    ] = None,
    bundle: BundlePath = None,
    interval: Annotated[
        float,
        typer.Option("--interval", min=0.1, help="Seconds between two looks; a file is taken after two equal ones."),
    ] = 2.0,
    workers: Workers = None,
    output: Outputs = None,
    dicom: Annotated[
        bool, typer.Option("--dicom", help="Also write DICOM SR and SC for DICOM inputs to OUT/dicom ('pacs' extra).")
    ] = False,
) -> None:
    """Screen every radiograph that appears in a folder, once, until stopped with Ctrl-C or SIGTERM.

    Writes what 'cxr screen' writes, and keeps it up to date. Started again it goes on where it stopped.
    """
    import signal
    import threading

    from cxr.errors import ConfigError
    from cxr.outputs.results_folder import ResultsFolder
    from cxr.outputs.watch import watch_folder
    from cxr.outputs.writers import PAGE_FILE, load_writers
    from cxr.screening import Screener, ScreeningResult, default_workers

    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder; give one that exists")
    place = out or folder / "cxr-results"
    count = workers or default_workers()
    outputs = [*(output or []), *(["dicom"] if dicom else [])]
    load_writers(outputs)  # says what is missing before the model is loaded
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def tell(result: ScreeningResult) -> None:
        outcome = result.triage or (result.refusal.code if result.refusal else result.status)
        typer.echo(f"{outcome}\t{result.path}")

    with ResultsFolder(
        place, Screener(bundle, threads=1 if count > 1 else None), workers=count, outputs=outputs
    ) as results:
        typer.echo(f"watching {folder}; worklist {place / PAGE_FILE}", err=True)
        watch_folder(folder, place, results, seconds=interval, stop=stop, on_result=tell)
        typer.echo(f"stopped; screened {len(results.done) - results.refused}, refused {results.refused}", err=True)
