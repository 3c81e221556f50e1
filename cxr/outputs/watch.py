"""A folder that others copy radiographs into: each is screened once, when it has stopped growing."""

from collections.abc import Callable, Mapping
from itertools import takewhile
from pathlib import Path
from threading import Event

from cxr.outputs.results_folder import ResultsFolder
from cxr.screening.inputs import files_in_folder, find_inputs
from cxr.screening.result import ScreeningResult

__all__ = ["watch_folder"]

_Signature = tuple[int, int, int]


def watch_folder(
    folder: Path,
    out: Path,
    results: ResultsFolder,
    *,
    seconds: float,
    stop: Event,
    on_result: Callable[[ScreeningResult], None],
) -> None:
    """Screen whatever appears in a folder until told to stop.

    A file is taken when two looks in a row found it with the same size and time. One that is changed later is
    screened anew. After a restart, files that have their result are recognised by their content.

    Args:
        folder: looked at with all its subfolders.
        out: the results' folder, which may lie in ``folder``.
        results: open at ``out``.
        seconds: between two looks.
        stop: set from outside to end after the inputs in hand.
        on_result: called after each result is safely written.
    """
    before: Mapping[Path, _Signature] = {}
    handled: dict[Path, _Signature] = {}
    results.write_pages()
    while not stop.is_set():
        now = _signatures(folder, out)
        ready = [path for path, sign in now.items() if before.get(path) == sign != handled.get(path)]
        if ready:
            wanted = find_inputs(ready, done=results.done)
            if results.screen(takewhile(lambda _: not stop.is_set(), wanted), on_result):
                results.write_pages()
            handled.update((path, now[path]) for path in ready)
        handled = {path: sign for path, sign in handled.items() if path in now}
        before = now
        stop.wait(seconds)


def _signatures(folder: Path, out: Path) -> dict[Path, _Signature]:
    """Size, time of change and inode of every file; those that vanish meanwhile are left out."""
    found: dict[Path, _Signature] = {}
    for path in files_in_folder(folder, exclude=out):
        try:
            status = path.stat()
        except OSError:
            continue
        found[path] = (status.st_size, status.st_mtime_ns, status.st_ino)
    return found
