"""Screen many inputs into a folder: results.jsonl, results.csv, overlays/ and worklist.html.

A run may be killed at any moment. Started again with the same folder it goes on with the inputs that have
no result yet, and each input is in the results exactly once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr.outputs.results_folder import ResultsFolder
from cxr.screening.inputs import find_inputs
from cxr.screening.result import ScreeningResult
from cxr.screening.runtime import Screener

__all__ = ["RunSummary", "screen_to_folder"]


@dataclass(frozen=True)
class RunSummary:
    """What a run left in its folder.

    Attributes:
        screened: inputs screened, earlier runs included.
        refused: inputs refused, earlier runs included.
        new: how many of both are from this run.
        page: the worklist.
    """

    screened: int
    refused: int
    new: int
    page: Path


def screen_to_folder(
    screener: Screener,
    paths: Sequence[Path],
    out: Path,
    *,
    workers: int,
    dicom: bool = False,
    on_result: Callable[[ScreeningResult], None] = lambda _: None,
) -> RunSummary:
    """Screen every input below ``paths`` and write all outputs.

    Args:
        screener: made with ``threads=1`` where ``workers`` fill the cores.
        paths: files, folders and zip archives.
        out: output folder; created, or continued if it holds results of the same bundle.
        workers: number of inputs worked on at once.
        dicom: whether to write dicom/NAME_sr.dcm and NAME_sc.dcm for DICOM inputs; needs the ``pacs`` extra.
        on_result: called after each result is safely written.

    Raises:
        ConfigError: if ``out`` is a file, is written by another process or holds another model's results.
    """
    with ResultsFolder(out, screener, workers=workers, dicom=dicom) as results:
        new = results.screen(find_inputs(paths, exclude=out, done=results.done), on_result)
        page = results.write_pages()
        done, refused = len(results.done), results.refused
    return RunSummary(screened=done - refused, refused=refused, new=new, page=page)
