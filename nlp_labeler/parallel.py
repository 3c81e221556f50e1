"""Work spread over processes, in order and without reading ahead of what is being worked on."""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import connection
from typing import Any, TypeVar

from nlp_labeler.errors import LabelerError

__all__ = ["chunks", "map_chunks"]

Item = TypeVar("Item")
Result = TypeVar("Result")

# Chunks in flight per process: one being worked on and one waiting, so that no process ever idles.
_IN_FLIGHT = 2

_work: Callable[[Any], Any] | None = None


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Consecutive lists of at most ``size`` items."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def map_chunks(
    make_work: Callable[..., Callable[[Sequence[Item]], Result]],
    arguments: tuple[Any, ...],
    batches: Iterable[Sequence[Item]],
    n_process: int,
) -> Iterator[Result]:
    """Apply a function to batches in ``n_process`` processes; results come in the order of the batches.

    Args:
        make_work: called once in every process with ``arguments``; makes the function. Module level, picklable.
        arguments: picklable.
        batches: read as processes become free.
        n_process: number of processes; with 1 the work is done in this one.

    Raises:
        LabelerError: if a process dies, for instance for want of memory.
    """
    if n_process == 1:
        yield from map(make_work(*arguments), batches)
        return
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork" if "fork" in methods else "spawn")
    iterator = iter(batches)
    with ProcessPoolExecutor(n_process, context, initializer=_start, initargs=(make_work, arguments)) as pool:
        pending: deque[Future[Result]] = deque(
            pool.submit(_apply, batch) for batch in islice(iterator, n_process * _IN_FLIGHT)
        )
        try:
            while pending:
                result = pending.popleft().result()
                for batch in islice(iterator, 1):
                    pending.append(pool.submit(_apply, batch))
                yield result
        except BrokenProcessPool:
            raise LabelerError("a process died, perhaps for want of memory; try again with fewer processes") from None
        finally:
            for future in pending:
                future.cancel()


def _start(make_work: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...]) -> None:
    global _work  # a pool hands state to its processes through their module
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_leave_with, args=(parent.sentinel,), daemon=True).start()
    _work = make_work(*arguments)


def _leave_with(sentinel: int) -> None:
    """End this process as soon as its parent has ended: a parent that was killed cannot tell its pool to stop."""
    connection.wait([sentinel])
    os._exit(1)


def _apply(batch: Any) -> Any:
    if _work is None:
        raise RuntimeError("the process was not started by map_chunks")
    return _work(batch)
