"""results.jsonl as a journal: an input has a result exactly when its line is complete.

Lines are appended one at a time and flushed. A process that is killed leaves at most one unfinished
line at the end, which the next run cuts off before it goes on with the inputs that have no line yet.
A file that was changed since gets a second line; compacting the journal puts it in the place of the first.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from cxr.errors import ConfigError
from cxr.screening.result import ModelIdentity, ScreeningResult, parse_result_line, result_line
from nlp_labeler.storage import FolderLock, atomic_writer, naming

__all__ = ["RESULTS_FILE", "Journal", "OverlayNames", "read_results"]

RESULTS_FILE = "results.jsonl"
_IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".dcm", ".dicom", ".tif", ".tiff", ".bmp", ".webp", ".gif"})
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 100


class Journal:
    """The results file of one output folder, open for appending by one process at a time.

    Args:
        path: the results.jsonl; created if it does not exist.
        model: the model whose results it takes.

    Attributes:
        model: the model whose results it takes.
        done: path of every input that has a result -> SHA-256 of what was screened; ``None`` if it could not be read.

    Raises:
        ConfigError: if another process writes it, or it holds another model's results.
        CxrError: if a complete line does not follow the schema.
    """

    def __init__(self, path: Path, model: ModelIdentity) -> None:
        self._path, self.model = path, model
        self.done: dict[str, str | None] = {}
        self._refused: set[str] = set()
        self._doubtful: set[str] = set()
        self._names = OverlayNames()
        self._overlays: dict[str, str] = {}
        self._renewed: set[str] = set()
        self._lock = FolderLock(path.parent)
        self._stream = path.open("a+b")
        try:
            self._repair()
            for result in read_results(path):
                self._check_model(path, result)
                self._remember(result)
            self.compact()
        except BaseException:
            self.close()
            raise

    @property
    def refused(self) -> int:
        """How many inputs were refused."""
        return len(self._refused)

    @property
    def doubtful(self) -> int:
        """How many screened inputs have a doubtful result."""
        return len(self._doubtful)

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
        if result.model != self.model:
            raise ConfigError(
                f"{path} holds results of bundle {_described(result.model)}, not of {_described(self.model)}; "
                "choose another folder"
            )

    def _remember(self, result: ScreeningResult) -> None:
        if result.path in self.done:
            self._renewed.add(result.path)
        else:
            self._overlays[result.path] = self._names.assign(result.path)
        self.done[result.path] = result.sha256
        (self._refused.add if result.status == "refused" else self._refused.discard)(result.path)
        (self._doubtful.add if result.doubts else self._doubtful.discard)(result.path)

    def overlay_name(self, path: str) -> str:
        """The overlay name of this path, or the one that :meth:`append` will give it."""
        return self._overlays.get(path) or self._names.peek(path)

    def append(self, result: ScreeningResult) -> None:
        """Add one result; it is done once this returns."""
        with naming(self._path):
            self._stream.write(result_line(result).encode() + b"\n")
            self._stream.flush()
        self._remember(result)

    def compact(self) -> None:
        """Leave one line per input: the newest, where the first one was, so that overlays keep their names."""
        if not self._renewed:
            return
        newest = {r.path: r for r in read_results(self._path) if r.path in self._renewed}
        self._stream.close()  # some systems replace no open file
        written: set[str] = set()
        with atomic_writer(self._path) as stream:
            for result in read_results(self._path):
                if result.path not in written:
                    stream.write(result_line(newest.get(result.path, result)).encode() + b"\n")
                if result.path in newest:
                    written.add(result.path)
        self._stream = self._path.open("a+b")
        self._renewed.clear()

    def close(self) -> None:
        """Let other processes in."""
        self._stream.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _described(model: ModelIdentity) -> str:
    """Name, version and as much of the hash as tells two bundles of one name apart."""
    return f"{model.bundle} {model.version} ({(model.bundle_sha256 or model.sha256)[:12]})"


def read_results(path: Path) -> Iterator[ScreeningResult]:
    """The complete results of a results.jsonl, one at a time.

    Raises:
        CxrError: if a line does not follow the schema.
    """
    with path.open("rb") as stream:
        for line in stream:
            yield parse_result_line(line)


class OverlayNames:
    """Input path -> overlays/NAME.png: readable, safe as a file name, and never two inputs on one file.

    Names are given in the order of results.jsonl, so that any reader of that file finds the same ones.

    The first input called ``x.png`` gets ``x.png``; a later one of that name in another folder gets a few
    digits of its path's hash as well.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def peek(self, path: str) -> str:
        """The name that ``path`` would get now."""
        stem = _stem(path)
        if stem.lower() in self._taken:  # some file systems do not tell cases apart
            stem = f"{stem}-{hashlib.sha256(path.encode(errors='surrogateescape')).hexdigest()[:12]}"
        return f"{stem}.png"

    def assign(self, path: str) -> str:
        """The name of ``path``, taken from now on."""
        name = self.peek(path)
        self._taken.add(name.removesuffix(".png").lower())
        return name


def _stem(path: str) -> str:
    name = PurePosixPath(path.replace("\\", "/")).name
    suffix = PurePosixPath(name).suffix
    stem = name.removesuffix(suffix) if suffix.lower() in _IMAGE_SUFFIXES else name
    return _UNSAFE.sub("_", stem).strip("._")[:_LONGEST] or "image"
