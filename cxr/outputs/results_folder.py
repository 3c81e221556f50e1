"""A folder with results.jsonl and all outputs, filled as inputs are screened.

A run may be killed at any moment. Started again with the same folder it goes on with the inputs that have no result
yet, and each input is in the results exactly once.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from cxr.errors import ConfigError
from cxr.outputs.journal import RESULTS_FILE, Journal
from cxr.outputs.writers import PAGE_FILE, load_writers
from cxr.outputs.writers import overlays as overlay_writer
from cxr.outputs.writers import worklist as worklist_writer
from cxr.screening.artifacts import Examination
from cxr.screening.inputs import ScreeningInput, Shard, find_inputs
from cxr.screening.result import ScreeningResult
from cxr.screening.screener import Screener, screen_many
from nlp_labeler.storage import write_bytes

__all__ = ["Overlays", "ResultsFolder", "RunSummary", "screen_to_folder"]

Overlays = Literal["all", "refer", "none"]
"""Of which inputs a picture is kept: of all, of those referred, or of none."""


class ResultsFolder:
    """Open for one process at a time; a context manager.

    Args:
        folder: created, or continued if it holds results of the same bundle.
        screener: made with ``threads=1`` where ``workers`` fill the cores.
        workers: number of inputs worked on at once.
        outputs: written beside the standard ones, by the names in :data:`cxr.outputs.writers.OUTPUTS`.
        overlays: of which inputs a picture is kept.
        page: whether the worklist page is written.

    Raises:
        ConfigError: if ``folder`` is a file, is written by another process or holds another model's results, or there
            is no such output.
        MissingExtraError: if an output needs an extra that is not installed.
    """

    def __init__(
        self,
        folder: Path,
        screener: Screener,
        *,
        workers: int,
        outputs: Sequence[str] = (),
        overlays: Overlays = "all",
        page: bool = True,
    ) -> None:
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"{folder} is a file; --out takes a folder")
        self._writers = load_writers(outputs)
        self._overlays = overlays
        if not page:
            self._writers.remove(worklist_writer.WRITER)
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._screener, self._workers = folder, screener, workers
        self._journal = Journal(folder / RESULTS_FILE, screener.identity)

    @property
    def done(self) -> dict[str, str | None]:
        """Path of every input that has a result -> SHA-256 of what was screened."""
        return self._journal.done

    @property
    def refused(self) -> int:
        """How many inputs were refused."""
        return self._journal.refused

    @property
    def doubtful(self) -> int:
        """How many screened inputs have a doubtful result."""
        return self._journal.doubtful

    def screen(self, inputs: Iterable[ScreeningInput], on_result: Callable[[ScreeningResult], None]) -> int:
        """Screen inputs into the folder; each is safe, whatever happens later, once ``on_result`` has been called.

        Returns:
            How many there were.
        """
        count = 0
        for result, made in screen_many(
            self._screener, inputs, self._files, workers=self._workers, finish_refused=self._refusal_files
        ):
            stem = self._journal.overlay_name(result.path).removesuffix(".png")
            for pattern, content in (made or {}).items():
                path = self._folder / pattern.format(stem)
                path.parent.mkdir(exist_ok=True)
                write_bytes(path, content, durable=False)
            self._journal.append(result)
            count += 1
            on_result(result)
        return count

    def _files(self, examination: Examination) -> dict[str, bytes]:
        """What the writers make of one screened input."""
        made: dict[str, bytes] = {}
        wanted = self._overlays == "all" or (self._overlays == "refer" and examination.result.triage == "refer")
        for writer in self._writers:
            if writer.files is not None and (wanted or writer is not overlay_writer.WRITER):
                made |= writer.files(examination)
        return made

    def _refusal_files(self, examination: Examination) -> dict[str, bytes]:
        """What the writers make of one refused input."""
        made: dict[str, bytes] = {}
        for writer in self._writers:
            if writer.refusals is not None:
                made |= writer.refusals(examination)
        return made

    def write_pages(self) -> None:
        """Write results.csv, worklist.html and whatever else is about all results."""
        self._journal.compact()
        label_space = self._screener.bundle.manifest.label_space
        for writer in self._writers:
            if writer.pages is not None:
                writer.pages(self._folder, self._screener.identity, label_space)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._journal.close()


@dataclass(frozen=True)
class RunSummary:
    """What a run left in its folder.

    Attributes:
        screened: inputs screened, earlier runs included.
        refused: inputs refused, earlier runs included.
        doubtful: how many of the screened ones have a doubtful result.
        new: how many of both are from this run.
        page: the worklist; ``None`` where none was asked for.
    """

    screened: int
    refused: int
    doubtful: int
    new: int
    page: Path | None


def screen_to_folder(
    screener: Screener,
    paths: Sequence[Path],
    out: Path,
    *,
    workers: int,
    outputs: Sequence[str] = (),
    overlays: Overlays = "all",
    page: bool = True,
    shard: Shard | None = None,
    on_result: Callable[[ScreeningResult], None] = lambda _: None,
) -> RunSummary:
    """Screen every input below ``paths`` and write all outputs.

    Args:
        screener: made with ``threads=1`` where ``workers`` fill the cores.
        paths: files, folders and zip archives.
        out: output folder; created, or continued if it holds results of the same bundle.
        workers: number of inputs worked on at once.
        outputs: see :class:`ResultsFolder`.
        overlays: see there.
        page: see there.
        shard: the part of the inputs to screen; all without it.
        on_result: called after each result is safely written.

    Raises:
        ConfigError: see :class:`ResultsFolder`.
        MissingExtraError: see there.
    """
    with ResultsFolder(out, screener, workers=workers, outputs=outputs, overlays=overlays, page=page) as results:
        new = results.screen(find_inputs(paths, exclude=out, done=results.done, shard=shard), on_result)
        results.write_pages()
        done, refused, doubtful = len(results.done), results.refused, results.doubtful
    return RunSummary(
        screened=done - refused, refused=refused, doubtful=doubtful, new=new, page=out / PAGE_FILE if page else None
    )
