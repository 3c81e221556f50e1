"""Progress bars on standard error, so that standard output stays for results."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

__all__ = ["counting_bar"]


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
