"""results.jsonl as a journal: an input has a result exactly when its line is complete.

Lines are appended one at a time and flushed. A process that is killed leaves at most one unfinished
line at the end, which the next run cuts off before it goes on with the inputs that have no line yet.
"""

import fcntl
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from cxr.errors import ConfigError
from cxr.outputs.overlay_names import OverlayNames
from cxr.screening.result import ModelIdentity, ScreeningResult, parse_result_line, result_line

__all__ = ["Journal", "read_results"]


class Journal:
    """The results file of one output folder, open for appending by one process at a time.

    Args:
        path: the results.jsonl; created if it does not exist.
        model: the model whose results it takes.

    Attributes:
        done: paths that have a result.
        refused: how many of them were refused.
        names: overlay name of every result.

    Raises:
        ConfigError: if another process writes it, or it holds another model's results.
        CxrError: if a complete line does not follow the schema.
    """

    def __init__(self, path: Path, model: ModelIdentity) -> None:
        self._model = model
        self._stream = path.open("a+b")
        self.done: set[str] = set()
        self.refused = 0
        self.names = OverlayNames()
        try:
            self._lock(path)
            self._repair()
            for result in read_results(path):
                self._check_model(path, result)
                self._remember(result)
        except BaseException:
            self._stream.close()
            raise

    def _lock(self, path: Path) -> None:
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(f"another process is writing {path}; wait for it or choose another folder") from error

    def _repair(self) -> None:
        """Cut off a line that a killed process did not finish."""
        self._stream.seek(0)
        complete = 0
        for line in self._stream:
            if not line.endswith(b"\n"):
                self._stream.truncate(complete)
            else:
                complete += len(line)

    def _check_model(self, path: Path, result: ScreeningResult) -> None:
        if result.model != self._model:
            raise ConfigError(
                f"{path} holds results of bundle {result.model.bundle} {result.model.version}, not of "
                f"{self._model.bundle} {self._model.version} ({self._model.sha256[:12]}); choose another folder"
            )

    def _remember(self, result: ScreeningResult) -> str:
        self.done.add(result.path)
        self.refused += result.status == "refused"
        return self.names.assign(result.path)

    def next_overlay_name(self, path: str) -> str:
        """The overlay name that :meth:`append` will give this path."""
        return self.names.peek(path)

    def append(self, result: ScreeningResult) -> None:
        """Add one result; it is done once this returns."""
        self._stream.write(result_line(result).encode() + b"\n")
        self._stream.flush()
        self._remember(result)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stream.close()


def read_results(path: Path) -> Iterator[ScreeningResult]:
    """The complete results of a results.jsonl, one at a time.

    Raises:
        CxrError: if a line does not follow the schema.
    """
    with path.open("rb") as stream:
        for line in stream:
            yield parse_result_line(line)
