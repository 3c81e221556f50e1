"""A folder with results.jsonl, results.csv, overlays/ and worklist.html, filled as inputs are screened."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from cxr.errors import ConfigError
from cxr.outputs.journal import Journal, read_results
from cxr.outputs.overlay import overlay_png
from cxr.outputs.table import write_table
from cxr.outputs.worklist import write_worklist
from cxr.screening.batch import screen_many
from cxr.screening.exhibit import Examination
from cxr.screening.inputs import ScreeningInput
from cxr.screening.result import ScreeningResult
from cxr.screening.runtime import Screener
from nlp_labeler.storage import write_bytes

__all__ = ["ResultsFolder"]

_LOG = logging.getLogger(__name__)


class ResultsFolder:
    """Open for one process at a time; a context manager.

    Args:
        folder: created, or continued if it holds results of the same bundle.
        screener: made with ``threads=1`` where ``workers`` fill the cores.
        workers: number of inputs worked on at once.
        dicom: whether to write dicom/NAME_sr.dcm and NAME_sc.dcm for DICOM inputs; needs the ``pacs`` extra.

    Raises:
        ConfigError: if ``folder`` is a file, is written by another process or holds another model's results.
    """

    def __init__(self, folder: Path, screener: Screener, *, workers: int, dicom: bool = False) -> None:
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"{folder} is a file; --out takes a folder")
        for name in ("overlays", "dicom") if dicom else ("overlays",):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._folder, self._screener, self._workers = folder, screener, workers
        self._make = _pictures_and_dicom if dicom else _pictures
        self._journal = Journal(folder / "results.jsonl", screener.identity)

    @property
    def done(self) -> dict[str, str | None]:
        """Path of every input that has a result -> SHA-256 of what was screened."""
        return self._journal.done

    @property
    def refused(self) -> int:
        """How many inputs were refused."""
        return self._journal.refused

    def screen(self, inputs: Iterable[ScreeningInput], on_result: Callable[[ScreeningResult], None]) -> int:
        """Screen inputs into the folder; each is safe, whatever happens later, once ``on_result`` has been called.

        Returns:
            How many there were.
        """
        count = 0
        for result, made in screen_many(self._screener, inputs, self._make, workers=self._workers):
            stem = self._journal.overlay_name(result.path).removesuffix(".png")
            for pattern, content in (made or {}).items():
                write_bytes(self._folder / pattern.format(stem), content, durable=False)
            self._journal.append(result)
            count += 1
            on_result(result)
        return count

    def write_pages(self) -> Path:
        """Write results.csv and worklist.html from all results, and give the page."""
        self._journal.settle()
        label_space = self._screener.bundle.manifest.label_space
        write_table(read_results(self._folder / "results.jsonl"), label_space, self._folder / "results.csv")
        return write_worklist(self._folder, self._screener.identity, label_space)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._journal.close()


def _pictures(examination: Examination, source: Path | bytes) -> dict[str, bytes]:  # noqa: ARG001  (as screen_many calls it)
    """File pattern -> content, for what every screened input gets."""
    return {"overlays/{}.png": overlay_png(examination)}


def _pictures_and_dicom(examination: Examination, source: Path | bytes) -> dict[str, bytes]:
    """The same, with the DICOM results of a DICOM input."""
    from cxr.outputs.dicom_results import dicom_bytes, dicom_results

    made = _pictures(examination, source)
    try:
        results = dicom_results(examination, source)
    except Exception as error:
        # Headers of real archives break rules that the standard's objects must keep. The other results stand.
        _LOG.warning("no DICOM results for one input: %s", type(error).__name__)
        return made
    return made | {f"dicom/{{}}_{kind}.dcm": dicom_bytes(dataset) for kind, dataset in results.items()}
