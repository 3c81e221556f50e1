"""Many inputs through one screener: reading, decoding, network and drawing overlap over threads."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from cxr.errors import RefusedInputError
from cxr.onnx_model import available_cores
from cxr.screening.exhibit import Examination
from cxr.screening.inputs import ScreeningInput
from cxr.screening.result import ScreeningResult
from cxr.screening.runtime import Screener

__all__ = ["default_workers", "screen_many"]

_T = TypeVar("_T")
_WAITING_PER_WORKER = 2


def default_workers() -> int:
    """One per core of this process: decoders, onnxruntime and Pillow all release the interpreter lock."""
    return available_cores()


def screen_many(
    screener: Screener,
    inputs: Iterable[ScreeningInput],
    finish: Callable[[Examination, Path | bytes], _T],
    *,
    workers: int,
) -> Iterator[tuple[ScreeningResult, _T | None]]:
    """Screen inputs concurrently and yield them in their order.

    Memory stays constant: at most a few inputs per worker are in flight, however many there are, and the pixels of an
    input are let go once ``finish`` has made of them what it needs.

    Yields:
        Each result with what ``finish`` made of its examination; ``None`` for a refused input.

    Args:
        screener: made with ``threads=1`` where ``workers`` fill the cores.
        inputs: taken one at a time, in this thread.
        finish: what else to make of a screened input in the worker, e.g. its overlay.
        workers: number of threads.
    """

    def work(name: str, source: Path | bytes) -> tuple[ScreeningResult, _T | None]:
        examination = screener.examine(name, source)
        if examination.exhibit is None:
            return examination.result, None
        try:
            return examination.result, finish(examination, source)
        except Exception as error:
            return screener.fail(name, source, error).result, None

    def refuse(name: str, error: RefusedInputError) -> tuple[ScreeningResult, _T | None]:
        return screener.refuse(name, error).result, None

    waiting: deque[Future[tuple[ScreeningResult, _T | None]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="screen") as pool:
        try:
            for item in inputs:
                try:
                    waiting.append(pool.submit(work, item.name, item.read()))
                except RefusedInputError as error:
                    waiting.append(pool.submit(refuse, item.name, error))
                if len(waiting) > _WAITING_PER_WORKER * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
