"""Work spread over processes, in order and with bounded memory."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process
from typing import TypeVar

from nlp_labeler.errors import LabelerError

__all__ = ["ordered_map"]

Item = TypeVar("Item")
Result = TypeVar("Result")

IN_FLIGHT = 3  # items a process: enough that none waits, few enough that memory stays flat


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], processes: int, prepare: Callable[[], None]
) -> Iterator[Result]:
    """Results of a function in the order of the items, which are read only as fast as they are worked on.

    Args:
        function: what to do with an item; a module-level function, since it is sent to other processes.
        items: the work.
        processes: how many work at once; with 1 it is done here.
        prepare: called once in every other process before its first item; the caller is prepared already.

    Raises:
        LabelerError: if a process dies, for instance for want of memory.
    """
    if processes == 1:
        yield from map(function, items)
        return
    # Started anew rather than forked: a fork would copy locks of running threads and open files.
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=begin, initargs=(prepare,))
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= IN_FLIGHT * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise LabelerError("a worker process died (out of memory?); run again with fewer processes") from None
    finally:
        pool.shutdown(cancel_futures=True)


def begin(prepare: Callable[[], None]) -> None:
    """Prepare a worker process, and let it end with its parent: a killed parent cannot tell it to."""
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=leave_with, args=(parent.sentinel,), daemon=True).start()
    prepare()


def leave_with(sentinel: int) -> None:
    """End this process once the sentinel of another is ready, that is, once that one has ended."""
    connection.wait([sentinel])
    os._exit(1)
