"""Screen many inputs into a folder: results.jsonl, results.csv, overlays/ and worklist.html.

A run may be killed at any moment. Started again with the same folder it goes on with the inputs that have
no result yet, and each input is in the results exactly once.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr.errors import ConfigError
from cxr.outputs.journal import Journal, read_results
from cxr.outputs.overlay import overlay_png
from cxr.outputs.table import write_table
from cxr.outputs.worklist import write_worklist
from cxr.screening.atomic import write_bytes_atomically
from cxr.screening.batch import screen_many
from cxr.screening.exhibit import Examination
from cxr.screening.inputs import find_inputs
from cxr.screening.result import ScreeningResult
from cxr.screening.runtime import Screener

__all__ = ["RunSummary", "screen_to_folder"]

_LOG = logging.getLogger(__name__)


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
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out} is a file; --out takes a folder")
    for name in ("overlays", "dicom") if dicom else ("overlays",):
        (out / name).mkdir(parents=True, exist_ok=True)
    new = 0
    with Journal(out / "results.jsonl", screener.identity) as journal:
        inputs = find_inputs(paths, exclude=out, done=journal.done)
        make = _pictures_and_dicom if dicom else _pictures
        for examination, made in screen_many(screener, inputs, make, workers=workers):
            stem = journal.next_overlay_name(examination.result.path).removesuffix(".png")
            for pattern, content in (made or {}).items():
                write_bytes_atomically(out / pattern.format(stem), content, durable=False)
            journal.append(examination.result)
            new += 1
            on_result(examination.result)
        label_space = screener.bundle.manifest.label_space
        write_table(read_results(out / "results.jsonl"), label_space, out / "results.csv")
        page = write_worklist(out, screener.identity, label_space)
        done, refused = len(journal.done), journal.refused
    return RunSummary(screened=done - refused, refused=refused, new=new, page=page)


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
